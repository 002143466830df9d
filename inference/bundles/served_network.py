"""A model of a model server as a network of torch: the rest of the pipeline stays here."""

import numpy as np
import torch

from inference.model_servers.open_inference import InferenceClient


class ServedNetwork(torch.nn.Module):
    """One image in, one answer out; whatever device the tensor is on, the answer is there too."""

    def __init__(self, client: InferenceClient) -> None:
        super().__init__()
        client.describe()
        self.client = client

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The answer for a batch of images (N, C, X, Y, Z)."""
        # A MetaTensor of MONAI knows more than its values; those alone go out.
        values = np.ascontiguousarray(x.detach().cpu().numpy(), np.float32)
        return torch.from_numpy(self.client.infer(values)).to(x.device)
