"""Nobody signs as somebody else: no program, nobody who finds a session open."""

import time
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage
from storage.db.engine import writing
from tests import builders
from tests.api.access.closed import (
    ClosedNode,
    audited,
    confirm,
)
from tests.api.access.openid_connect.provider import (
    Provider,
)
from tests.api.client import is_problem, part10
from tests.attacks.signing.node import STUDY, as_page, drafted, sign, through_provider, with_jane


def named_as(storage: Storage, key: str, name: str) -> None:
    """What an older version let a key be called."""
    with writing(storage.engine) as connection:
        connection.execute(update(t.api_key).where(t.api_key.c.name == key).values(name=name))


def test_a_key_signs_nothing_whatever_it_is_called(node: ClosedNode) -> None:
    with_jane(node.storage)
    report = drafted(node.storage)
    with node.with_key("dictation", "radiologist") as program:
        named_as(node.storage, "dictation", "jane")
        is_problem(sign(program, report), 403, "not_a_person")
        # It may prepare the text; nobody stands for it yet.
        assert sign(program, report, "preliminary").status_code == 200
        is_problem(sign(program, report), 403, "not_a_person")
        is_problem(confirm(program), 409, "no_password")
        answer = program.get(f"/api/reports/{report.report_id}/text").text
    kept = node.storage.reports.get(report.report_id)
    assert (kept.state, kept.signed_by, kept.signed_name) == ("preliminary", "", "")
    assert "Doe" not in answer


def test_an_access_token_signs_and_verifies_nothing(node: ClosedNode, identity: Provider) -> None:
    with_jane(node.storage)
    report = drafted(node.storage)
    with node.client(headers={"Authorization": f"Bearer {identity.token()}"}) as program:
        assert program.get("/api/session").json()["name"] == "jane (127.0.0.1)"
        is_problem(sign(program, report), 403, "not_a_person")
    assert node.storage.reports.get(report.report_id).state == "draft"


def test_a_signature_takes_the_password_each_time(node: ClosedNode) -> None:
    report, other = drafted(node.storage), drafted(node.storage, f"{STUDY}.1")
    with node.signed_in("jane", "radiologist") as jane:
        node.storage.accounts.set_person_name("jane", "Doe^Jane^^Dr.")
        # To have signed in a moment ago is not enough: the session may be somebody else's by now.
        is_problem(sign(jane, report), 403, "confirmation_required")
        is_problem(confirm(jane, "not the password"), 401, "wrong_credentials")
        is_problem(sign(jane, report), 403, "confirmation_required")
        assert confirm(jane).status_code == 204
        signed = sign(jane, report)
        assert signed.status_code == 200, signed.text
        is_problem(sign(jane, other), 403, "confirmation_required")
        answer = jane.get(f"/api/reports/{report.report_id}/text").text
    assert "Dr. Jane Doe (jane)" in answer
    assert node.storage.reports.get(report.report_id).signed_by_id == "account:jane"
    signs = audited(node.storage, 3, type_code="110122")
    # What was refused is written behind the answer, and may come after what followed it.
    signs.sort(key=lambda row: row["at"])
    methods = [row["detail"].get("method") for row in signs]
    assert methods == ["password", "confirmation", "confirmation by password"]


def test_measurements_are_verified_by_who_gives_the_password(node: ClosedNode) -> None:
    image = builders.t1_head((4, 32, 32))[0]
    node.storage.ingest.accept(part10(image), "dimse:MR1")
    line = {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]], "label": "femur"}
    new = {
        "measurements": [{**line, "sop_instance_uid": image.SOPInstanceUID}],
        "verify": True,
    }
    path = f"/api/studies/{image.StudyInstanceUID}/measurements"
    with node.with_key("robot", "radiologist") as program:
        is_problem(program.post(path, json=new), 403, "may_not_verify")
    with node.signed_in("jane", "radiologist") as jane:
        is_problem(jane.post(path, json=new), 403, "confirmation_required")
        assert confirm(jane).status_code == 204
        saved = jane.post(path, json=new)
        assert (saved.status_code, saved.json()["verification"]) == (201, "VERIFIED"), saved.text
        is_problem(jane.post(path, json=new), 403, "confirmation_required")
        # Without that claim it is hers as before.
        assert jane.post(path, json={**new, "verify": False}).status_code == 201


def test_what_a_program_sends_is_verified_by_nobody(node: ClosedNode) -> None:
    """A copy of the radiologist's own document, with another size, as a program stores it."""
    image = builders.t1_head((4, 32, 32))[0]
    node.storage.ingest.accept(part10(image), "dimse:MR1")
    line = {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]]}
    new = {"measurements": [{**line, "sop_instance_uid": image.SOPInstanceUID}], "verify": True}
    path = f"/api/studies/{image.StudyInstanceUID}/measurements"
    with node.signed_in("jane", "radiologist") as jane:
        assert confirm(jane).status_code == 204
        own = jane.post(path, json=new).json()
        stored = node.storage.index.instance(own["sop_instance_uid"])
        forged = dcmread(BytesIO(node.storage.instances.read(stored)))
        assert forged.VerificationFlag == "VERIFIED"
        forged.SOPInstanceUID = forged.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        node.storage.ingest.accept(part10(forged), "stow")
        items = jane.get(path).json()["items"]
    assert {one["sop_instance_uid"]: (one["origin"], one["verification"]) for one in items} == {
        own["sop_instance_uid"]: ("READER", "VERIFIED"),
        str(forged.SOPInstanceUID): ("OTHER", "UNVERIFIED"),
    }


def test_a_stolen_session_cannot_guess_the_password(node: ClosedNode) -> None:
    with node.signed_in("jane", "radiologist") as jane:
        answers = [confirm(jane, f"guess {number}").status_code for number in range(8)]
        assert answers == [401] * 5 + [429] * 3
        # Right or not: the pause has to pass first.
        is_problem(confirm(jane), 429, "too_many_attempts")


def test_a_stranger_cannot_keep_somebody_from_signing(node: ClosedNode) -> None:
    with node.signed_in("jane", "radiologist") as jane:
        with node.client() as stranger:
            guess = {"name": "jane", "password": "no"}
            answers = [stranger.post("/api/session", json=guess).status_code for _ in range(7)]
            assert answers[-1] == 429
        assert confirm(jane).status_code == 204


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, "tells no time"),
        ({"auth_time": 0}, "long ago"),
        ({"auth_time": True}, "no number"),
        ({"auth_time": "now"}, "no number"),
        ({"auth_time": -600.0}, "ten minutes ago"),
        ({"auth_time": 600.0}, "in the future"),
        ({"auth_time": 0.0, "sub": "another"}, "another person"),
    ],
)
def test_an_open_session_at_the_provider_confirms_nothing(
    node: ClosedNode, identity: Provider, claims: dict[str, Any], why: str
) -> None:
    report = drafted(node.storage)
    with node.client() as jane:
        through_provider(jane)
        as_page(jane)
        start = jane.get("/api/session/oidc/start", params={"confirm": "true"})
        asked = parse_qs(urlsplit(start.headers["location"]).query)
        assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
        at = claims.get("auth_time")
        if isinstance(at, float):
            claims = {**claims, "auth_time": int(time.time() + at)}
        identity.spoil = claims
        back = through_provider(jane, confirm="true")
        assert back.headers["location"] == "/sign-in/?confirmed=no", why
        is_problem(sign(jane, report), 403, "confirmation_required")
        # Still who one was.
        assert jane.get("/api/session").json()["name"] == "jane"


def test_only_who_has_signed_in_there_confirms_there(node: ClosedNode) -> None:
    asked = {"confirm": "true"}
    with node.client() as nobody, node.signed_in("ann", "radiologist") as ann:
        for client in (nobody, ann):
            answer = client.get("/api/session/oidc/start", params=asked)
            is_problem(answer, 409, "no_provider_session")
