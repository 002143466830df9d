"""Why a series cannot be used, in words that a radiographer can act on."""

from storage.errors import MediViewError


class VolumeRefused(MediViewError):
    """A series cannot be stacked into one volume without inventing something."""

    code = "volume_refused"

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
