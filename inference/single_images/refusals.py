"""Why an image is not given to a model, in a sentence."""

from storage.core.errors import MediViewError


class ImageRefused(MediViewError):
    """One image cannot be shown to a model without inventing something."""

    code = "image_refused"

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
