"""A password alone opens nothing where a second factor is set up or demanded."""

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    audited,
    closed_node,
    closed_settings,
    confirm,
)
from tests.api.access.factors import NEW_PASSWORD, begin, enrol_app, show
from tests.api.client import is_problem


def test_a_code_of_the_app_completes_the_sign_in_once(stored_closed: ClosedNode) -> None:
    closed = stored_closed
    with closed.signed_in("ada", "radiologist") as ada, begin(closed, "ada") as elsewhere:
        is_problem(ada.post("/api/me/second-factors/totp"), 403, "confirmation_required")
        assert confirm(ada).status_code == 204
        before = ada.cookies["mediview"]
        app, codes = enrol_app(ada)
        assert len(set(codes)) == 10
        # The session goes on under another token, and those opened by the password alone end.
        assert ada.cookies["mediview"] != before
        assert ada.get("/api/studies").status_code == 200
        is_problem(elsewhere.get("/api/studies"), 401, "session_ended")
        mine = ada.get("/api/me/second-factors").json()
        assert [one["label"] for one in mine["items"]] == ["Phone"]
        assert mine["recovery_codes_left"] == 10
    with begin(closed, "ada") as again:
        session = again.get("/api/session").json()
        assert session["signed_in"] is False
        assert (session["step"], session["second_factors"]) == ("second_factor", ["totp"])
        for path in ("/api/studies", "/dicom-web/studies", "/api/me/second-factors", "/api/users"):
            is_problem(again.get(path), 401, "sign_in_unfinished")
        assert again.get("/health").json()["parts"] == {}
        is_problem(again.put("/api/session/password", json={}), 401, "sign_in_unfinished")
        is_problem(again.post("/api/me/second-factors/totp"), 401, "sign_in_unfinished")
        wrong = show(again, code="000000")
        is_problem(wrong, 401, "wrong_second_factor")
        unfinished, code = again.cookies["mediview"], app.now()
        assert show(again, code=code).json()["signed_in"] is True
        assert again.cookies["mediview"] != unfinished
        assert again.get("/api/studies").status_code == 200
    with begin(closed, "ada") as thief:
        # Somebody looked over the shoulder: the same code does not count twice.
        is_problem(show(thief, code=code), 401, "wrong_second_factor")
        assert thief.get("/api/studies").status_code == 401
    with reading(closed.storage.engine) as connection:
        kept = connection.execute(select(t.second_factor)).mappings().one()
    assert app.secret not in str(dict(kept))
    methods = [one["detail"]["method"] for one in audited(closed.storage, 8, type_code="110122")]
    assert "password; second factor to come" in methods
    assert "authenticator app" in methods
    changes = audited(closed.storage, type_code="110137")
    assert {"account": "ada", "what": "second factor added"} in [one["detail"] for one in changes]


def test_a_recovery_code_counts_once_and_a_stranger_guesses_five_times(closed: ClosedNode) -> None:
    with closed.signed_in("ada", "viewer") as ada:
        assert confirm(ada).status_code == 204
        app, codes = enrol_app(ada)
    with begin(closed, "ada") as again:
        typed = codes[3].lower().replace("-", " ")
        assert show(again, recovery_code=typed).json()["signed_in"] is True
        assert again.get("/api/me/second-factors").json()["recovery_codes_left"] == 9
    with begin(closed, "ada") as guessing:
        is_problem(show(guessing, recovery_code=codes[3]), 401, "wrong_second_factor")
        for number in range(4):
            assert show(guessing, code=f"{number:06}").status_code == 401
    # Another session of the same account waits as well, with the right code, too.
    with begin(closed, "ada") as other:
        answer = show(other, code=app.now())
        is_problem(answer, 429, "too_many_attempts")
        assert int(answer.headers["retry-after"]) >= 1
    failures = audited(closed.storage, 6, outcome=4)
    assert {one["actor_name"] for one in failures} == {"ada"}


def test_a_role_that_needs_a_second_factor_opens_nothing_before(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path, second_factor_roles="admin,radiologist")
    assert settings.second_factor_roles == ("admin", "radiologist")
    with closed_node(settings) as closed:
        closed.storage.accounts.add("vic", PASSWORD, ["viewer"])
        with begin(closed, "vic") as vic:
            assert vic.get("/api/studies").status_code == 200
            closed.storage.accounts.set_roles("vic", ["radiologist"])
            time.sleep(1.1)
            is_problem(vic.get("/api/studies"), 401, "sign_in_unfinished")
        closed.storage.accounts.add("root", PASSWORD, ["admin"])
        with begin(closed, "root") as root:
            assert root.get("/api/session").json()["step"] == "enrolment"
            is_problem(root.get("/api/users"), 401, "sign_in_unfinished")
            is_problem(root.delete("/api/me/second-factors/abc"), 401, "sign_in_unfinished")
            app, _ = enrol_app(root)
            assert root.get("/api/users").status_code == 200
            factor = root.get("/api/me/second-factors").json()["items"][0]["factor_id"]
            assert confirm(root).status_code == 204
            assert root.delete(f"/api/me/second-factors/{factor}").status_code == 204
            # Without it the role opens nothing again.
            is_problem(root.get("/api/users"), 401, "sign_in_unfinished")
        # A program has no second factor; its key is one.
        with closed.with_key("ris", "admin") as ris:
            assert ris.get("/api/studies").status_code == 200
    assert app.secret


def test_an_initial_password_is_changed_first(closed: ClosedNode) -> None:
    with closed.signed_in("root", "admin") as root:
        assert confirm(root).status_code == 204
        given = {"name": "eve", "password": PASSWORD, "roles": ["viewer"]}
        assert root.post("/api/users", json=given).status_code == 201
        # One's own password is nobody else's.
        assert root.patch("/api/users/root", json={"password": NEW_PASSWORD}).status_code == 200
        with begin(closed, "root", NEW_PASSWORD) as still:
            assert still.get("/api/users").status_code == 200
    with begin(closed, "eve") as eve:
        assert eve.get("/api/session").json()["step"] == "password"
        is_problem(eve.get("/api/studies"), 401, "sign_in_unfinished")
        is_problem(confirm(eve), 401, "sign_in_unfinished")
        same = {"current_password": PASSWORD, "new_password": PASSWORD}
        is_problem(eve.put("/api/session/password", json=same), 400, "invalid_request")
        changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert eve.put("/api/session/password", json=changed).status_code == 204
        assert eve.get("/api/studies").status_code == 200
    with begin(closed, "eve", NEW_PASSWORD) as eve:
        assert eve.get("/api/session").json()["signed_in"] is True


def test_a_sign_in_that_is_not_completed_ends(closed: ClosedNode) -> None:
    closed.storage.accounts.add("eve", PASSWORD, ["viewer"], must_change_password=True)
    with begin(closed, "eve") as eve:
        with writing(closed.storage.engine) as connection:
            connection.execute(
                update(t.session).values(created_at=utcnow() - timedelta(minutes=11))
            )
        changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        is_problem(eve.put("/api/session/password", json=changed), 401, "session_ended")


def test_an_administrator_helps_one_who_has_lost_it(closed: ClosedNode) -> None:
    with closed.signed_in("ada", "viewer") as ada:
        assert confirm(ada).status_code == 204
        enrol_app(ada)
        with closed.signed_in("root", "admin") as root:
            path = "/api/users/ada/second-factors"
            is_problem(root.delete(path), 403, "confirmation_required")
            assert confirm(root).status_code == 204
            users = {one["name"]: one for one in root.get("/api/users").json()["items"]}
            assert users["ada"]["has_second_factor"] is True
            assert root.delete(path).json()["has_second_factor"] is False
        is_problem(ada.get("/api/studies"), 401, "session_ended")
        with closed.with_key("ris", "admin") as ris:
            is_problem(ris.delete(path), 403, "not_a_person")
    with begin(closed, "ada") as again:
        assert again.get("/api/studies").status_code == 200
    events = [one["detail"] for one in audited(closed.storage, type_code="110137")]
    assert {"account": "ada", "what": "second factors removed"} in events


def test_one_sees_where_one_is_signed_in_and_ends_the_rest(stored_closed: ClosedNode) -> None:
    closed = stored_closed
    with (
        closed.signed_in("ada", "viewer") as ada,
        closed.signed_in("bob", "viewer") as bob,
        begin(closed, "ada") as phone,
        begin(closed, "ada") as tablet,
    ):
        phone.headers["User-Agent"] = "Phone"
        listed = ada.get("/api/me/sessions").json()["items"]
        assert len(listed) == 3
        assert [one["is_this"] for one in listed].count(True) == 1
        assert listed[0]["address"] == "127.0.0.1"
        assert "httpx" in listed[0]["user_agent"]
        assert ada.cookies["mediview"] not in str(listed)
        foreign = bob.get("/api/me/sessions").json()["items"][0]["session_id"]
        is_problem(ada.delete(f"/api/me/sessions/{foreign}"), 404, "not_found")
        theirs = phone.get("/api/me/sessions").json()["items"]
        one = next(each["session_id"] for each in theirs if each["is_this"])
        for path in ("/api/me/sessions", f"/api/me/sessions/{one}"):
            is_problem(ada.delete(path), 403, "confirmation_required")
        assert phone.get("/api/studies").status_code == 200
        assert confirm(ada).status_code == 204
        assert ada.delete(f"/api/me/sessions/{one}").json() == {"ended": 1}
        is_problem(phone.get("/api/studies"), 401, "session_ended")
        assert tablet.get("/api/studies").status_code == 200
        assert ada.delete("/api/me/sessions").json() == {"ended": 1}
        assert tablet.get("/api/studies").status_code == 401
        assert ada.get("/api/studies").status_code == 200
        assert bob.get("/api/studies").status_code == 200
        with closed.signed_in("root", "admin") as root:
            assert root.delete("/api/users/bob/sessions").json() == {"ended": 1}
            is_problem(root.delete("/api/users/nobody/sessions"), 404, "not_found")
        is_problem(bob.get("/api/studies"), 401, "session_ended")
    with begin(closed, "ada") as other:
        own = next(one for one in other.get("/api/me/sessions").json()["items"] if one["is_this"])
        # To end the one that asks takes nothing more, as signing out does.
        assert other.delete(f"/api/me/sessions/{own['session_id']}").json() == {"ended": 1}
    with closed.with_key("ris", "viewer") as ris:
        assert ris.get("/api/me/sessions").json() == {"items": []}
        is_problem(ris.get("/api/me/second-factors"), 409, "no_password")
