"""A model that computes for ever over its first series, in native code that asks nobody."""

import os
import time
import warnings
from pathlib import Path

import numpy as np

from inference.pipeline import PipelineContext, PipelineOutput
from tests.inference.small import BrightRegion

_LEAKED: list[np.ndarray] = []


class Endless(BrightRegion):
    """Over the first series that it is given; the others as ever."""

    def run(self, context: PipelineContext) -> PipelineOutput:
        if os.environ["ENDLESS"] == "leak":
            _LEAKED.append(np.ones(600 << 17))
            time.sleep(2.0)  # for the parent, which looks twice a second
            return super().run(context)
        first = self.runs is not None and not self.runs.exists()
        if self.runs is not None:
            self.runs.touch()
        if first:
            kept = []
            if os.environ["ENDLESS"] == "memory":
                kept.append(np.ones(1 << 27))
            _loop()
        return super().run(context)


def endless(**paths: Path) -> Endless:
    return Endless(**paths)


def _loop() -> None:
    import torch

    warnings.simplefilter("ignore")

    class Loop(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            i = 0
            while i >= 0:
                i = (i + 1) % 1000
                x = x + 0.0
            return x

    torch.jit.script(Loop())(torch.ones(1))
