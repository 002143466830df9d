"""A node whose language models are those of a server, and a report that it summarises."""

import dataclasses
import socket
from typing import Any

from inference.language.answer import Answer, Progress
from inference.language.summarize import summarize
from storage.container import Storage
from storage.settings import load_settings
from tests.inference.language.conftest import RIGHT

REPORT = (
    "Patient: Quernhammer, Adalbert\nSeen by Dr. Miller.\n\nFindings:\n"
    f"{RIGHT} The heart is of normal size.\n\nImpression:\n1. Left hydropneumothorax."
)


def with_server(storage: Storage, url: str, **settings: Any) -> Storage:
    values = {
        "model_servers": f"llm={url}/v1",
        "hf_summ_model": "server:llm/served-7b",
        "hf_vqa_model": "server:llm/served-7b",
        "hf_dqa_model": "server:llm/served-7b",
        "hf_report_model": "server:llm/served-7b",
        **settings,
    }
    changed = load_settings(data_dir=storage.settings.data_dir, free_disk_mark_bytes=0, **values)
    return dataclasses.replace(storage, settings=changed)


def summary(storage: Storage, text: str = REPORT) -> Answer:
    return summarize(storage, {"text": text, "report_ids": [], "max_sentences": 5}, Progress())


def closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def plain(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    return lambda exchange, asked: exchange.answer(status, body, kind, **headers)
