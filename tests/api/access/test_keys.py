"""Programs come in with keys."""

import io
from datetime import timedelta

import httpx
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from sqlalchemy import select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from tests import builders
from tests.api.access.closed import ClosedNode, audited, confirm
from tests.api.access.test_sessions import eventually_401
from tests.api.client import is_problem, part10


def test_a_key_is_shown_once_and_kept_as_a_hash(stored_closed: ClosedNode) -> None:
    closed = stored_closed
    with closed.signed_in("root", "admin") as root:
        given = {"name": "ris", "roles": ["integrator"], "scopes": ["dicomweb:read"]}
        assert confirm(root).status_code == 204
        nothing = root.post("/api/keys", json={**given, "scopes": []})
        assert nothing.status_code == 422, "none is not all of them"
        made = root.post("/api/keys", json=given)
        assert made.status_code == 201, made.text
        secret = made.json()["secret"]
        key = made.json()["key"]
        days = utcnow() + timedelta(days=90)
        assert key["expires_at"][:10] == days.date().isoformat()
        assert secret not in root.get("/api/keys").text
        assert secret not in root.get(f"/api/keys/{key['key_id']}").text
        with reading(closed.storage.engine) as connection:
            row = dict(connection.execute(select(t.api_key)).mappings().one())
        # A secret may have underscores of its own.
        assert secret.split("_", 2)[2] not in str(row)

        with closed.client(headers={"Authorization": f"Bearer {secret}"}) as ris:
            assert ris.get("/dicom-web/studies").status_code == 200
            # The role would do, the scope does not.
            is_problem(ris.get("/api/studies"), 403, "not_allowed")
            assert "dicomweb:write" in ris.post("/dicom-web/studies").json()["remedy"]
            assert ris.get("/api/session").json()["kind"] == "key"
            assert root.get(f"/api/keys/{key['key_id']}").json()["last_used_at"]
            # Programs that know a user and a password alone (RFC 7617).
            address = f"{closed.url}/dicom-web/studies"
            assert httpx.get(address, auth=("ris", secret)).status_code == 200
            of_browsers = {"Sec-Fetch-Site": "none"}
            for refused in (
                httpx.get(address, auth=("another", secret)),
                httpx.get(address, auth=("ris", "wrong")),
                httpx.get(address, auth=("ris", secret), headers=of_browsers),
                httpx.get(address, headers={"Authorization": "Basic ÿ?".encode("latin-1")}),
            ):
                is_problem(refused, 401, "credential_refused")
                assert "basic" not in refused.headers["www-authenticate"].lower()
            assert root.delete(f"/api/keys/{key['key_id']}").json()["revoked_at"]
            answer = ris.get("/dicom-web/studies")
            is_problem(answer, 401, "credential_refused")
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert audited(closed.storage, actor_name="root", action="D")[0]["detail"]["key"] == "ris"
    assert audited(closed.storage, actor_name="ris", type_code="110132")


def test_a_key_ends_when_it_expires(closed: ClosedNode) -> None:
    with closed.with_key("short", "viewer") as short:
        assert short.get("/api/jobs").status_code == 200
        with writing(closed.storage.engine) as connection:
            connection.execute(update(t.api_key).values(expires_at=utcnow()))
        assert eventually_401(short)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer mvk_",
        "Bearer mvk_0123456789ab_",
        "Bearer mvk_0123456789ab_" + "A" * 43,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "Basic cm9vdDpyb290",
        "Bearer " + "A" * 8000,
        "Digest x",
    ],
)
def test_what_is_no_key_opens_nothing(closed: ClosedNode, header: str) -> None:
    with closed.client(headers={"Authorization": header}) as stranger:
        assert stranger.get("/api/studies").status_code == 401


def test_no_key_makes_keys_or_changes_its_roles(closed: ClosedNode) -> None:
    with closed.with_key("deploy", "admin") as deploy:
        assert deploy.get("/api/users").status_code == 200
        given = {"name": "another", "roles": ["admin"]}
        is_problem(deploy.post("/api/keys", json=given), 403, "not_a_person")
        assert deploy.delete("/api/session").json() == {"redirect": ""}
        change = {"current_password": "x", "new_password": "y"}
        is_problem(deploy.put("/api/session/password", json=change), 409, "no_password")


def test_a_key_counts_more_than_a_cookie_and_needs_no_page(closed: ClosedNode) -> None:
    secret = closed.key("ris", "integrator")
    with closed.signed_in("ada", "viewer") as ada:
        del ada.headers["X-CSRF-Token"]
        ada.headers["Authorization"] = f"Bearer {secret}"
        assert ada.get("/api/session").json()["name"] == "ris"
        assert ada.post("/api/uploads/presign", json={}).status_code == 422


def test_dicomweb_client_stores_and_finds_with_a_key(closed: ClosedNode) -> None:
    session = create_session()
    session.headers["Authorization"] = f"Bearer {closed.key('modality', 'integrator')}"
    try:
        client = DICOMwebClient(f"{closed.url}/dicom-web", session=session)
        dataset = pydicom.dcmread(io.BytesIO(part10(builders.t1_head((4, 8, 8))[0])))
        client.store_instances([dataset])
        found = client.search_for_studies(
            search_filters={"StudyInstanceUID": dataset.StudyInstanceUID}
        )
        assert len(found) == 1
    finally:
        session.close()
