"""Model servers on a real socket that do what a test says, and remember what they were asked."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from tests.dicom_node.certificates import KeyPair


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Server:
    url: str
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0


class Exchange(BaseHTTPRequestHandler):
    """What a behaviour answers with; it may also write to the socket as it likes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()

    def event(self, value: dict[str, Any] | str) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def piece(self, text: str, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        self.event({"model": "served-7b", "system_fingerprint": "fp_1", "choices": [choice]})


Behaviour = Callable[[Exchange, Asked], None]


@contextmanager
def serving(behaviour: Behaviour, pair: KeyPair | None = None) -> Iterator[Server]:
    """A server on loopback, with `pair` over TLS."""

    class Handler(Exchange):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
            with lock:
                server.asked.append(asked)
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                behaviour(self, asked)
            except OSError:
                self.close_connection = True
            finally:
                with lock:
                    server.at_once -= 1

        do_GET = do_POST = handle_one

    lock = threading.Lock()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        running.socket = context.wrap_socket(running.socket, server_side=True)
    scheme = "https" if pair else "http"
    server = Server(f"{scheme}://127.0.0.1:{running.server_port}")
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def says(text: str) -> Behaviour:
    """A chat model that writes `text` word by word, whatever it is asked."""

    def behave(exchange: Exchange, asked: Asked) -> None:
        if asked.path.endswith("/models"):
            exchange.answer(200, json.dumps({"data": [{"id": "served-7b"}]}).encode())
            return
        exchange.begin_events()
        exchange.wfile.write(b": a comment keeps the connection open\n\n")
        for word in text.split(" "):
            exchange.piece(f"{word} ")
        exchange.piece("", "stop")
        exchange.event("[DONE]")

    return behave


_DTYPES = {"FP32": "<f4", "FP64": "<f8", "FP16": "<f2", "INT64": "<i8", "UINT8": "|u1"}


def infers(
    compute: Callable[..., Any],
    metadata: dict[str, Any],
    *,
    binary: bool = True,
    change: Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]] = lambda a, b: (a, b),
) -> Behaviour:
    """A server of one model by the Open Inference Protocol v2, with binary tensors or JSON.

    `compute` gets the inputs in the order of the request, and gives an array, one for each
    output, or a dictionary of which those are answered that are asked for. `change` makes an
    answer into another one before it leaves.
    """
    model = f"/v2/models/{metadata['name']}"

    def behave(exchange: Exchange, asked: Asked) -> None:
        path = asked.path
        if path == "/v2":
            extensions = ["binary_tensor_data"] if binary else []
            exchange.answer(
                200,
                json.dumps({"name": "small", "version": "1", "extensions": extensions}).encode(),
            )
        elif not path.startswith(model):
            exchange.answer(404, b'{"error": "unknown model"}')
        elif path.endswith("/ready"):
            exchange.answer(200, b"")
        elif asked.method == "GET":
            exchange.answer(200, json.dumps(metadata).encode())
        else:
            _infer(exchange, asked)

    def _infer(exchange: Exchange, asked: Asked) -> None:
        length = int(asked.headers.get("Inference-Header-Content-Length") or len(asked.body))
        request = json.loads(asked.body[:length])
        given, behind = [], asked.body[length:]
        for tensor in request["inputs"]:
            dtype = np.dtype(_DTYPES[tensor["datatype"]])
            size = tensor.get("parameters", {}).get("binary_data_size")
            if size is None:
                values = np.array(tensor["data"], dtype)
            else:
                values, behind = np.frombuffer(behind[:size], dtype), behind[size:]
            given.append(values.reshape(tensor["shape"]))
        computed = compute(*given)
        arrays = computed if isinstance(computed, tuple) else (computed,)
        known = metadata["outputs"]
        if isinstance(computed, dict):
            named = {one["name"]: one for one in known}
            names = [one["name"] for one in request["outputs"]]
            known, arrays = [named[one] for one in names], [computed[one] for one in names]
        outputs, raw = [], b""
        for stated, array, wanted in zip(known, arrays, request["outputs"], strict=True):
            found = np.asarray(array).astype(_DTYPES[stated["datatype"]])
            output = {**stated, "shape": list(found.shape)}
            if wanted.get("parameters", {}).get("binary_data"):
                raw += found.tobytes()
                output["parameters"] = {"binary_data_size": found.nbytes}
            else:
                output["data"] = found.ravel().tolist()
            outputs.append(output)
        answer = {
            "model_name": metadata["name"],
            "model_version": metadata["versions"][-1],
            "outputs": outputs,
        }
        answer, raw = change(answer, raw)
        head = json.dumps(answer).encode()
        if raw:
            exchange.answer(
                200,
                head + raw,
                "application/octet-stream",
                Inference_Header_Content_Length=str(len(head)),
            )
        else:
            exchange.answer(200, head)

    return behave
