"""A model of nnInteractive that an operator added, as the list of models has it.

It works in sessions alone (`inference.interactive`): no series is given to it by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.models.card import Proof
from inference.nninteractive.description import NninteractiveDescription
from inference.pipeline import Acceptance, PipelineContext, PipelineOutput
from inference.pipelines.added_model import AddedModel
from storage.core.entities import Instance, Series
from storage.core.errors import InvalidRequest

_BY_A_PERSON = "It segments what a person marks: open a session of it on the series."


class NninteractivePipeline(AddedModel):
    """`click-NAME` in the catalogue. Free of torch until it is proven."""

    def __init__(self, model: NninteractiveDescription) -> None:
        super().__init__(model)
        self._nninteractive = model

    def prove(self) -> Proof:
        """Load the model; noise, a blank image and clicks must not give the same.

        Raises ModelUnusable.
        """
        from inference.nninteractive.loading import load_model

        self._verify()
        return Proof(
            load_model(self._nninteractive, 0).answer,
            "Noise gives what it gave when the model was verified; a blank image and a click give"
            " another.",
        )

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return Acceptance(False, _BY_A_PERSON)

    def run(self, context: PipelineContext) -> PipelineOutput:
        raise InvalidRequest(f"{self.name} is no job. {_BY_A_PERSON}")
