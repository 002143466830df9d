"""An upload is there for who began it, and for administrators."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.uploads import repository
from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import is_problem


@pytest.fixture
def closed(tmp_path: Path) -> Any:
    with closed_node(closed_settings(tmp_path)) as node:
        yield node


def begin(client: httpx.Client, kind: str) -> str:
    wanted = {"filename": "a.zip", "size_bytes": 10, "content_type": "application/zip"}
    answer = client.post(f"/api/uploads/{kind}", json=wanted)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["upload_id"])


@pytest.mark.parametrize("kind", ["presign", "multipart"])
def test_nobody_else_sees_goes_on_with_or_gives_up_an_upload(closed: ClosedNode, kind: str) -> None:
    with (
        closed.signed_in("ada", "radiologist") as ada,
        closed.signed_in("bob", "radiologist") as bob,
        closed.signed_in("root", "admin") as root,
        # A program with her name's role is somebody else, too.
        closed.with_key("ris", "integrator") as ris,
    ):
        upload = begin(ada, kind)
        path = f"/api/uploads/{upload}"
        for other in (bob, ris):
            is_problem(other.get(path), 404, "not_found")
            parts = other.post(f"{path}/parts", json={"part_numbers": [1]})
            is_problem(parts, 404, "not_found")
            is_problem(other.post(f"{path}/complete"), 404, "not_found")
            is_problem(other.delete(path), 404, "not_found")
            started = other.post("/api/analyze/start", json={"upload_id": upload})
            is_problem(started, 404, "not_found")
        assert ada.get(path).json()["state"] == "presigned"
        assert root.get(path).json()["state"] == "presigned"
        assert ada.delete(path).status_code == 204


@pytest.mark.parametrize("kind", ["presign", "multipart"])
def test_so_many_uploads_of_one_person_have_begun_at_most(
    closed: ClosedNode, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_BEGUN", 2)
    with (
        closed.signed_in("ada", "radiologist") as ada,
        closed.signed_in("bob", "radiologist") as bob,
    ):
        first, _ = begin(ada, kind), begin(ada, "presign")
        wanted = {"filename": "a.zip", "size_bytes": 10, "content_type": "application/zip"}
        refused = ada.post(f"/api/uploads/{kind}", json=wanted)
        assert "2 uploads of yours" in is_problem(refused, 429, "too_many_requests")["detail"]
        assert refused.headers["retry-after"]
        begin(bob, kind)
        assert ada.delete(f"/api/uploads/{first}").status_code == 204
        begin(ada, kind)
