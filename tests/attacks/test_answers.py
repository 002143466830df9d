"""What somebody asks, and the document that came with it, is nobody else's to read."""

import io
from pathlib import Path

import httpx
import pytest
from reportlab.pdfgen import canvas

from tests.api.access.closed import closed_node, closed_settings
from tests.api.client import is_problem

_TEXT = {"text": "The heart is normal in size. There is no pleural effusion. Nothing else is seen."}
_LATER = {"Prefer": "respond-async"}


def letter() -> bytes:
    page = io.BytesIO()
    drawing = canvas.Canvas(page)
    drawing.drawString(72, 720, "Referred by Dr. Smith for headache.")
    drawing.save()
    return page.getvalue()


def summary_of(client: httpx.Client) -> str:
    answer = client.post("/api/summarize", json=_TEXT, headers=_LATER)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def document_of(client: httpx.Client) -> str:
    answer = client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "Who referred?"},
        headers=_LATER,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


@pytest.mark.parametrize("kind", ["person", "key"])
def test_an_answer_is_for_who_asked_and_for_administrators(tmp_path: Path, kind: str) -> None:
    with (
        closed_node(closed_settings(tmp_path)) as node,
        node.signed_in("ann", "radiologist") as ann,
        node.signed_in("root", "admin") as root,
        (
            node.signed_in("ben", "radiologist")
            if kind == "person"
            else node.with_key("robot", "radiologist")
        ) as other,
    ):
        job_id, document_id = summary_of(ann), document_of(ann)
        pages = f"/api/answers/{document_id}/pages/1"
        for client in (ann, root):
            assert client.get(f"/api/answers/{job_id}").status_code == 202
            page = client.get(pages)
            assert (page.status_code, page.headers["content-type"]) == (200, "image/png")
        for path in (f"/api/answers/{job_id}", f"/api/answers/{job_id}/events", pages):
            is_problem(other.get(path), 404, "not_found")
        mine = summary_of(other)
        assert other.get(f"/api/answers/{mine}").status_code == 202
        is_problem(ann.get(f"/api/answers/{mine}"), 404, "not_found")
