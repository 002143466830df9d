"""An ONNX file as a model of MLServer; runs in MLServer's own environment."""

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class OnnxModel(MLModel):
    async def load(self) -> bool:
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (given,) = payload.inputs
        values = np.asarray(given.data.root, np.float32).reshape(given.shape)
        (found,) = self._session.run(None, {given.name: values})
        output = ResponseOutput(
            name="scores", datatype="FP32", shape=list(found.shape), data=found.ravel().tolist()
        )
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])
