"""People sign in, stay signed in, and are out when they should be."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from api.access.session_cookies import csrf_token
from storage import tables as t
from storage.accounts.sessions import token_hash
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    audited,
    closed_node,
    closed_settings,
    confirm,
    sign_in,
)
from tests.api.client import is_problem
from tests.patience import PATIENCE_S


def test_nobody_sees_a_study_without_signing_in(closed: ClosedNode) -> None:
    with closed.client() as stranger:
        answer = stranger.get("/api/studies")
        problem = is_problem(answer, 401, "not_signed_in")
        assert "/sign-in/" in problem["remedy"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert stranger.get("/dicom-web/studies").status_code == 401
        assert stranger.get("/metrics").status_code == 401
        assert stranger.get("/api/openapi.json").status_code == 401
        assert stranger.get("/api/there-is-no-such-thing").status_code == 401
        who = stranger.get("/api/session")
        assert who.json()["signed_in"] is False
        assert "set-cookie" not in who.headers
        assert "set-cookie" not in answer.headers


def test_health_tells_strangers_no_more_than_whether_it_is_well(closed: ClosedNode) -> None:
    with closed.client() as stranger, closed.signed_in("ada", "viewer") as ada:
        short = stranger.get("/health")
        assert short.status_code == 200
        assert short.json()["parts"] == {}
        assert short.json()["version"] == ""
        assert "database" in ada.get("/health").json()["parts"]


def test_one_signs_in_reads_and_signs_out(stored_closed: ClosedNode) -> None:
    closed = stored_closed
    closed.storage.accounts.add("Ada", PASSWORD, ["viewer"])
    with closed.client() as ada:
        answer = sign_in(ada, "ADA")
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == "ada"
        assert answer.json()["roles"] == ["viewer"]
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie  # this node is reached by http://127.0.0.1
        token = ada.cookies["mediview"]
        with reading(closed.storage.engine) as connection:
            kept = connection.execute(select(t.session)).mappings().one()
        assert kept["token_hash"] == token_hash(token)
        assert token not in str(dict(kept))
        assert ada.get("/api/studies").status_code == 200
        assert ada.get("/dicom-web/studies").status_code == 200
        assert ada.get("/api/session").json()["csrf_token"] == answer.json()["csrf_token"]

        # A page of another site has the cookie sent, and knows no token.
        is_problem(ada.delete("/api/session"), 403, "csrf")
        is_problem(ada.delete("/api/session", headers={"X-CSRF-Token": "0" * 64}), 403, "csrf")
        ada.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        signed_out = ada.delete("/api/session")
        assert signed_out.status_code == 200
        assert signed_out.json() == {"redirect": ""}
        # The cookie is gone, and would be of no use.
        assert "mediview" not in ada.cookies
        again = ada.get("/api/studies", headers={"Cookie": f"mediview={token}"})
        is_problem(again, 401, "session_ended")
    logins = audited(closed.storage, type_code="110122")
    assert [(one["actor_name"], one["outcome"]) for one in logins] == [("ada", 0)]
    assert audited(closed.storage, type_code="110123")[0]["actor_name"] == "ada"


def test_cookies_are_secure_where_browsers_come_by_https(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path, public_url="https://mediview.example.org")
    with closed_node(settings) as closed, closed.client() as ada:
        closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
        cookies = sign_in(ada, "ada").headers.get_list("set-cookie")
        names = {cookie.partition("=")[0] for cookie in cookies}
        assert names == {"__Host-mediview", "__Host-mediview-device"}
        for cookie in cookies:
            assert "Secure" in cookie
            assert "HttpOnly" in cookie
            assert "Path=/" in cookie
            assert "Domain" not in cookie


def test_wrong_names_and_wrong_passwords_look_alike(closed: ClosedNode) -> None:
    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
    closed.storage.accounts.add("bob", PASSWORD, ["viewer"])
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    closed.storage.accounts.set_disabled("bob", True)
    with closed.client() as stranger:
        answers = [
            sign_in(stranger, "ada", "wrong password"),
            sign_in(stranger, "nobody", PASSWORD),
            sign_in(stranger, "bob"),
            sign_in(stranger, PASSWORD, "ada"),
        ]
    problems = [is_problem(answer, 401, "wrong_credentials") for answer in answers]
    assert len({problem["detail"] for problem in problems}) == 1
    failures = audited(closed.storage, 3, outcome=4)
    # A password in the wrong field is not written down; those of nobody are counted in one row.
    assert sorted(one["actor_name"] for one in failures) == ["ada", "anonymous", "bob"]
    assert PASSWORD not in str(failures)


def test_a_hash_takes_as_long_for_nobody_as_for_somebody(closed: ClosedNode) -> None:
    import time

    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])

    def seconds(name: str) -> float:
        started = time.process_time()
        assert closed.storage.accounts.check(name, "wrong password") is None
        return time.process_time() - started

    # Of the processor and in turns, so that what else the machine does slows neither more.
    taken = [(seconds("ada"), seconds("nobody")) for _ in range(8)]
    known, unknown = (min(times) for times in zip(*taken, strict=True))
    assert 0.5 < known / unknown < 2.0


def test_failures_make_the_next_attempt_wait_whoever_asks(closed: ClosedNode) -> None:
    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
    statuses: list[int] = []
    lock = threading.Lock()

    def guess(number: int) -> None:
        with closed.client() as stranger:
            status = sign_in(stranger, "ada", f"guess number {number}").status_code
        with lock:
            statuses.append(status)

    # At once, as someone would who knows that counting takes time.
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [401] * 5 + [429] * 7
    with closed.client() as ada:
        early = sign_in(ada, "ada")
        is_problem(early, 429, "too_many_attempts")
        assert int(early.headers["retry-after"]) >= 1
        with writing(closed.storage.engine) as connection:
            past = utcnow() - timedelta(seconds=1)
            connection.execute(update(t.failed_attempt).values(blocked_until=past))
        assert sign_in(ada, "ada").status_code == 200
    with reading(closed.storage.engine) as connection:
        kept = connection.execute(select(t.failed_attempt)).mappings().all()
    assert not [one for one in kept if one["subject"].startswith(("account:", "account-at:"))]


def from_address(closed: ClosedNode, address: str) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address)
    return closed.client(transport=transport)


def test_a_stranger_who_guesses_at_a_name_keeps_nobody_out_elsewhere(closed: ClosedNode) -> None:
    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
    with from_address(closed, "127.0.0.9") as stranger, closed.client() as ada:
        for number in range(20):
            sign_in(stranger, "ada", f"guess number {number}")
            with writing(closed.storage.engine) as connection:
                past = utcnow() - timedelta(seconds=1)
                connection.execute(update(t.failed_attempt).values(blocked_until=past))
        is_problem(sign_in(stranger, "ada", "one guess more"), 401, "wrong_credentials")
        is_problem(sign_in(stranger, "ada"), 429, "too_many_attempts")
        assert sign_in(ada, "ada").status_code == 200


def test_guesses_from_many_addresses_make_the_name_wait(closed: ClosedNode) -> None:
    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
    statuses = []
    for number in range(13):
        with from_address(closed, f"127.0.1.{number + 1}") as stranger:
            statuses += [sign_in(stranger, "ada", "a guess").status_code for _ in range(4)]
    assert statuses == [401] * 50 + [429] * 2


@pytest.mark.parametrize("column", ["last_seen_at", "expires_at"])
def test_a_session_ends_when_idle_and_in_any_case(closed: ClosedNode, column: str) -> None:
    with closed.signed_in("ada", "viewer") as ada:
        assert ada.get("/api/jobs").status_code == 200
        with writing(closed.storage.engine) as connection:
            connection.execute(update(t.session).values({column: utcnow() - timedelta(hours=2)}))
        assert eventually_401(ada)
        is_problem(ada.get("/api/jobs"), 401, "session_ended")


def test_an_open_stream_does_not_keep_a_session_from_ending(closed: ClosedNode) -> None:
    sessions, now = closed.storage.sessions, utcnow()
    long_ago = now - timedelta(minutes=10)
    seen = select(t.session.c.last_seen_at)
    with closed.signed_in("ada", "viewer"):
        with writing(closed.storage.engine) as connection:
            connection.execute(update(t.session).values(last_seen_at=long_ago))
            hashed = connection.execute(select(t.session.c.token_hash)).scalar_one()
        for is_use, expected in ((False, long_ago), (True, now)):
            assert sessions.find(hashed, now, is_use=is_use)
            with reading(closed.storage.engine) as connection:
                assert connection.execute(seen).scalar_one() == expected


def eventually_401(client: httpx.Client) -> bool:
    """Within two seconds: what was found out counts for one."""
    import time

    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        if client.get("/api/jobs").status_code == 401:
            return True
        time.sleep(0.05)
    return False


def test_one_changes_ones_own_password_and_other_sessions_end(closed: ClosedNode) -> None:
    new = "a much better pass phrase"
    with closed.signed_in("ada", "viewer") as ada, closed.client() as elsewhere:
        sign_in(elsewhere, "ada")
        change = {"current_password": "wrong password", "new_password": new}
        is_problem(ada.put("/api/session/password", json=change), 401, "wrong_credentials")
        change["current_password"] = PASSWORD
        short = {**change, "new_password": "short"}
        is_problem(ada.put("/api/session/password", json=short), 400, "invalid_request")
        assert ada.put("/api/session/password", json=change).status_code == 204
        assert ada.get("/api/studies").status_code == 200
        assert elsewhere.get("/api/studies").status_code == 401
        assert sign_in(elsewhere, "ada").status_code == 401
        assert sign_in(elsewhere, "ada", new).status_code == 200


def test_a_confirmed_session_goes_on_under_another_token(closed: ClosedNode) -> None:
    """Who had taken the cookie before gains nothing by the confirmation (ASVS 5.0 7.2.4)."""
    with closed.signed_in("ada", "admin") as ada, closed.client() as thief:
        thief.cookies.update(ada.cookies)
        assert thief.get("/api/users").status_code == 200
        assert confirm(ada).status_code == 204
        assert ada.get("/api/users").status_code == 200
        thief.headers["X-CSRF-Token"] = csrf_token(thief.cookies["mediview"])
        refused = thief.patch("/api/users/ada", json={"person_name": "Thief^T"})
        assert refused.status_code in (401, 403), refused.text
        deadline = time.monotonic() + PATIENCE_S
        while thief.get("/api/users").status_code != 401:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        changed = ada.patch("/api/users/ada", json={"person_name": "Lovelace^Ada"})
        assert changed.status_code == 200, changed.text


def test_roles_and_disabling_count_for_those_who_are_in(closed: ClosedNode) -> None:
    with closed.signed_in("root", "admin") as root, closed.signed_in("ada", "admin") as ada:
        assert ada.get("/api/users").status_code == 200
        assert confirm(root).status_code == 204
        assert root.patch("/api/users/ada", json={"roles": ["viewer"]}).status_code == 200
        is_problem(ada.get("/api/users"), 403, "not_allowed")
        assert ada.get("/api/studies").status_code == 200
        named = root.patch("/api/users/ada", json={"person_name": "Lovelace^Ada^^Dr."})
        assert named.json()["person_name"] == "Lovelace^Ada^^Dr."
        for wrong in ("Ada Lovelace", "^Ada", "a=b^c", "a\\b^c"):
            refused = root.patch("/api/users/ada", json={"person_name": wrong})
            assert "Family^Given" in is_problem(refused, 400, "invalid_request")["remedy"]
        assert root.get("/api/users/ada").json()["person_name"] == "Lovelace^Ada^^Dr."
        assert root.patch("/api/users/ada", json={"disabled": True}).json()["disabled"]
        assert ada.get("/api/studies").status_code == 401
        # Someone must be left who can undo things.
        last = root.patch("/api/users/root", json={"disabled": True})
        assert "Nobody would be left" in is_problem(last, 400, "invalid_request")["detail"]
        is_problem(root.patch("/api/users/nobody", json={"roles": ["viewer"]}), 404, "not_found")


def test_an_administrator_adds_people_with_good_passwords(closed: ClosedNode) -> None:
    with closed.signed_in("root", "admin") as root:
        given = {"name": "Eve", "password": PASSWORD, "roles": ["radiologist"]}
        assert confirm(root).status_code == 204
        made = root.post("/api/users", json=given)
        assert made.status_code == 201, made.text
        assert made.json()["must_change_password"] is True
        assert PASSWORD not in made.text
        assert "hash" not in made.text
        is_problem(root.post("/api/users", json=given), 409, "uid_conflict")
        common = ("Password1234!", "qwertyuiop12", "iloveyou1234", "mediview2026!", "1qaz2wsx3edc")
        for password in ("short", "aaaaaaaaaaaaaaaaaaaa", "somebody12345", *common):
            wrong = root.post(
                "/api/users", json={**given, "name": "somebody", "password": password}
            )
            problem = is_problem(wrong, 400, "invalid_request")
            assert password not in str(problem)
        is_problem(
            root.post("/api/users", json={**given, "name": "no body"}), 400, "invalid_request"
        )
        is_problem(
            root.post("/api/users", json={**given, "roles": ["king"]}), 422, "validation_failed"
        )
        names = [one["name"] for one in root.get("/api/users").json()["items"]]
        assert names == ["eve", "root"]
    changes = audited(closed.storage, type_code="110136")
    assert changes[0]["detail"] == {"account": "eve", "roles": ["radiologist"]}


def test_a_body_that_is_no_sign_in_is_refused(closed: ClosedNode) -> None:
    with closed.client() as stranger:
        assert stranger.post("/api/session", content=b"name=ada").status_code == 422
        assert stranger.post("/api/session", json={"name": "", "password": ""}).status_code == 422
        huge = {"name": "ada", "password": "x" * 100_000}
        answer = stranger.post("/api/session", json=huge)
        assert answer.status_code == 422
        assert "xxxx" not in answer.text
        foreign = {"Origin": "https://evil.example"}
        given = {"name": "ada", "password": PASSWORD}
        answer = stranger.post("/api/session", json=given, headers=foreign)
        is_problem(answer, 403, "foreign_origin")
