"""An ONNX file behind KServe's model server; runs in KServe's own environment.

python kserve_server.py MODEL.onnx --http_port PORT --grpc_port PORT
"""

import sys

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class OnnxModel(Model):
    def __init__(self, path: str) -> None:
        super().__init__("spleen")
        self._session = onnxruntime.InferenceSession(path)
        self.ready = True

    async def get_input_types(self) -> list[dict]:
        return [{"name": "x", "datatype": "FP32", "shape": [1, 1, 32, 32, 32]}]

    async def get_output_types(self) -> list[dict]:
        return [{"name": "scores", "datatype": "FP32", "shape": [1, 2, 32, 32, 32]}]

    def predict(self, payload: InferRequest, headers: dict | None = None, *_: object):
        (given,) = payload.inputs
        (found,) = self._session.run(None, {"x": given.as_numpy()})
        output = InferOutput("scores", list(found.shape), "FP32")
        output.set_data_from_numpy(found)
        return InferResponse(
            payload.id or "tile",
            self.name,
            [output],
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


if __name__ == "__main__":
    path = sys.argv.pop(1)
    ModelServer().start([OnnxModel(path)])
