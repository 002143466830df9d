"""Why an image is not given to a model, in a sentence."""

from storage.core.errors import MediViewError


class ImageRefused(MediViewError):
    """One image cannot be shown to a model without inventing something."""

    code = "image_refused"

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class NothingShown(ImageRefused):
    """No pixel of a frame is an image: all is padding, or behind its shutter."""
