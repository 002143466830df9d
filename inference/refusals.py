"""Why a series cannot be used or a model gave nothing, in words that people can act on."""

from storage.core.errors import MediViewError


class VolumeRefused(MediViewError):
    """A series cannot be stacked into one volume without inventing something."""

    code = "volume_refused"

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ModelUnusable(MediViewError):
    """A model is absent, is not the one that was proven, or fails its self-test."""

    code = "model_unusable"


def no_numbers(subject: str, to: str, remedy: str) -> ModelUnusable:
    """Of a network whose answer holds NaN or what is infinite: what is made of it would look like
    a result, such as an empty mask. `to`: "noise", "this series"."""
    return ModelUnusable(
        f"{subject} answers {to} with what is no number (NaN or infinite).", remedy=remedy
    )


class NotCovered(MediViewError):
    """A structure is cut off by the images, and the model's card refuses to measure a part."""

    code = "not_covered"


class NothingFound(MediViewError):
    """A model ran and found nothing that could be measured."""

    code = "nothing_found"


class ModelServerFailed(MediViewError):
    """A model server is away, slow, or answers what is no answer; another time it may work."""

    code = "model_server_failed"


class ContainerClusterFailed(ModelServerFailed):
    """The cluster that runs containers is away, or answers what is no answer."""


class ModelServerLeftAlone(ModelServerFailed):
    """A model server failed before, or is busy: nothing was asked of it, and the work waits."""


class ModelServerOutOfTime(ModelServerFailed):
    """A model server had less time than the site's settings give it: nothing is wrong with it."""


class ModelServerDeclined(ModelUnusable):
    """A model server answers, and declines this very input."""
