"""Heads of the chain that were noted outside of the database, by the keeper or by people."""

import json
from pathlib import Path

from storage.audit.chain import Link
from storage.core.errors import InvalidRequest
from storage.settings import Settings


def anchor_file(settings: Settings) -> Path:
    """Where the keeper of this machine notes them."""
    return settings.data_dir / "audit" / "anchors.jsonl"


def local_anchors(settings: Settings) -> list[Link]:
    """Those of this machine; none where its keeper never noted any. Raises InvalidRequest."""
    path = anchor_file(settings)
    if not path.exists():
        return []
    try:
        return read_anchors(_whole_lines(path))
    except (OSError, ValueError) as error:
        raise unreadable(path) from error


def read_anchors(text: str) -> list[Link]:
    """Lines of anchors as they were written; ValueError where one is none."""
    anchors = [json.loads(line) for line in text.splitlines() if line.strip()]
    try:
        return [Link(int(one["position"]), str(one["hash"])) for one in anchors]
    except (KeyError, TypeError) as error:
        raise ValueError("not an anchor") from error


def unreadable(path: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{path} cannot be read as anchors.",
        remedy="Give a file as 'mediview audit anchor' and <data>/audit/anchors.jsonl are.",
    )


def _whole_lines(path: Path) -> str:
    """Without what a power failure cut off; a line that follows it is on the same line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    whole = (line[line.rfind("{") :] for line in lines if line.endswith("}"))
    return "\n".join(whole)
