"""What stands in the catalogue for a package whose contract this node does not know."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.pipeline import (
    CONTRACT_VERSIONS,
    Acceptance,
    InputKind,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.refusals import ModelUnusable
from storage.core.entities import Instance, Series
from storage.core.text.outside_text import text_from_outside

_SHOWN_AT_MOST = 40


class UnknownContract:
    """It is never run: the list of models and each decision say why."""

    input_kind: InputKind = "volume"
    version = "unknown"
    accepts_text = "Nothing: its contract is not known."

    def __init__(self, name: str, stated: object) -> None:
        self.name = name
        self.title = name
        known = " and ".join(str(one) for one in CONTRACT_VERSIONS)
        shown = text_from_outside(str(stated), _SHOWN_AT_MOST)
        self._why = (
            f"The package of {name} states version {shown} of the contract of pipelines; this node"
            f" knows {known}."
        )
        self._remedy = "Install a version of the package for this release, or a newer node."
        self.description = self._why
        self.card = ModelCard(
            name, "unknown", "not stated", "an installed package", "None.", "not known"
        )

    def readiness(self) -> Readiness:
        return Readiness(False, f"{self._why} {self._remedy}")

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return Acceptance(False, f"{self._why} {self._remedy}")

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Raises ModelUnusable."""
        raise ModelUnusable(self._why, remedy=self._remedy)
