"""An ONNX file as a network of torch, computed by onnxruntime on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.refusals import ModelUnusable


class OnnxNetwork(torch.nn.Module):
    """One input, one output; whatever device the tensor is on, the answer is there too."""

    def __init__(self, path: Path, threads: int) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or not outputs:
            raise ModelUnusable(
                f"{path.name} has {len(inputs)} inputs and {len(outputs)} outputs; one image goes"
                " in, and one answer comes out.",
                remedy="Export the network alone.",
            )
        self._input = inputs[0].name
        self._half = inputs[0].type == "tensor(float16)"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first output for a batch of images."""
        values = x.detach().cpu().numpy().astype(np.float16 if self._half else np.float32)
        # A MetaTensor of MONAI knows more than its values; those alone go in.
        answer = self._session.run(None, {self._input: np.ascontiguousarray(values)})[0]
        return torch.from_numpy(np.asarray(answer, np.float32)).to(x.device)
