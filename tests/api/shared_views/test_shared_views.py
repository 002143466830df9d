"""A view shared by a link: for whom it opens, for how long, and who may take it back."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.shared_views import repository
from tests.api.access.closed import audited
from tests.api.access_groups.two_groups import NORTH, SOUTH, TwoHospitals, two_hospitals

LINKS = "/api/v1/shared-views"


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    folder: Path = tmp_path_factory.mktemp("hospitals")
    with two_hospitals(folder) as both:
        yield both


@pytest.fixture(scope="module")
def ada(hospitals: TwoHospitals) -> Iterator[httpx.Client]:
    with hospitals.person("ada", "radiologist", NORTH) as client:
        yield client


@pytest.fixture(scope="module")
def colleague(hospitals: TwoHospitals) -> Iterator[httpx.Client]:
    with hospitals.person("carl", "viewer", NORTH) as client:
        yield client


def view_of(hospitals: TwoHospitals) -> dict[str, Any]:
    ids = hospitals.north.ids
    return {
        "address": f"study={ids['study_instance_uid']}&grid=1x1",
        "viewports": [
            {
                "viewport": "cell-1",
                "series_instance_uid": ids["series_instance_uid"],
                "sop_instance_uid": ids["sop_instance_uid"],
                "frame_number": 1,
                "center_lps_mm": None,
                "window": {"lower": -125.5, "upper": 225},
                "is_inverted": True,
            }
        ],
    }


def share(client: httpx.Client, hospitals: TwoHospitals, valid_for: str = "day") -> dict[str, Any]:
    answer = client.post(
        LINKS,
        json={
            "study_instance_uid": hospitals.north.study_instance_uid,
            "valid_for": valid_for,
            "view": view_of(hospitals),
        },
    )
    assert answer.status_code == 201, answer.text
    shared: dict[str, Any] = answer.json()
    return shared


def expire(hospitals: TwoHospitals, shared: dict[str, Any], ago: timedelta) -> None:
    with writing(hospitals.storage.engine) as connection:
        connection.execute(
            update(t.shared_view)
            .where(t.shared_view.c.shared_view_id == shared["shared_view_id"])
            .values(expires_at=utcnow() - ago)
        )


def eventually(holds: Callable[[], bool]) -> bool:
    """Memberships are read again every few seconds."""
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds()


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.json()["detail"]


def test_a_colleague_who_may_see_the_study_gets_the_same_view(
    hospitals: TwoHospitals, ada: httpx.Client
) -> None:
    shared = share(ada, hospitals)
    link = f"{LINKS}/{shared['shared_view_id']}"
    # Nobody whom other tests have open views of the same study.
    with hospitals.person("olga", "radiologist", NORTH) as colleague:
        opened = colleague.get(link).json()
    assert opened["view"] == view_of(hospitals)
    assert (opened["is_yours"], ada.get(link).json()["is_yours"]) == (False, True)
    assert not any(mark in link for mark in hospitals.north.marks())
    study = [hospitals.north.study_instance_uid]
    shared_by, opened_by = (
        [
            (one["code"], one["action"])
            for one in audited(hospitals.storage, actor_name=name, study_instance_uids=study)
        ]
        for name in ("ada", "olga")
    )
    assert ("110111", "C") in shared_by
    assert opened_by == [("110103", "R")]


@pytest.mark.parametrize(
    ("valid_for", "expected"),
    [("hour", timedelta(hours=1)), ("day", timedelta(days=1)), ("week", timedelta(weeks=1))],
)
def test_it_opens_for_as_long_as_was_chosen(
    hospitals: TwoHospitals, ada: httpx.Client, valid_for: str, expected: timedelta
) -> None:
    shared = share(ada, hospitals, valid_for)
    stored = hospitals.storage.shared_views.get(shared["shared_view_id"])
    assert stored.expires_at - stored.created_at == expected


def test_who_has_not_signed_in_or_is_of_another_group_sees_nothing(
    hospitals: TwoHospitals, ada: httpx.Client
) -> None:
    link = f"{LINKS}/{share(ada, hospitals)['shared_view_id']}"
    with hospitals.node.client() as nobody:
        assert nobody.get(link).status_code == 401
    with hospitals.person("stranger", "radiologist", SOUTH) as stranger:
        theirs = problem(stranger.get(link))
        assert theirs == problem(stranger.get(f"{LINKS}/{'0' * 36}"))
        assert theirs[:2] == (404, "not_found")
        refused = stranger.post(
            LINKS,
            json={
                "study_instance_uid": hospitals.north.study_instance_uid,
                "valid_for": "day",
                "view": {"address": ""},
            },
        )
        assert refused.status_code == 404


def test_after_its_time_and_after_being_revoked_it_says_so(
    hospitals: TwoHospitals, ada: httpx.Client, colleague: httpx.Client
) -> None:
    late, revoked = share(ada, hospitals, "hour"), share(ada, hospitals)
    expire(hospitals, late, timedelta(seconds=1))
    assert ada.delete(f"{LINKS}/{revoked['shared_view_id']}").status_code == 204
    assert ada.delete(f"{LINKS}/{revoked['shared_view_id']}").status_code == 204, "again"
    assert problem(colleague.get(f"{LINKS}/{late['shared_view_id']}")) == (
        410,
        "shared_view_over",
        "This link has expired.",
    )
    assert problem(colleague.get(f"{LINKS}/{revoked['shared_view_id']}")) == (
        410,
        "shared_view_over",
        "This link was revoked by the person who shared it.",
    )
    study = {"study_instance_uid": hospitals.north.study_instance_uid}
    mine = {one["shared_view_id"] for one in ada.get(LINKS, params=study).json()["items"]}
    assert mine.isdisjoint({late["shared_view_id"], revoked["shared_view_id"]})


def test_only_its_owner_lists_and_revokes_it(
    hospitals: TwoHospitals, ada: httpx.Client, colleague: httpx.Client
) -> None:
    shared = share(ada, hospitals)
    link = f"{LINKS}/{shared['shared_view_id']}"
    listed = ada.get(LINKS).json()["items"]
    assert listed[0] == shared, "the newest first"
    assert colleague.get(LINKS).json()["items"] == []
    assert problem(colleague.delete(link))[:2] == (404, "not_found")
    assert colleague.get(link).status_code == 200


def test_who_lost_sight_of_a_study_still_revokes_the_link(hospitals: TwoHospitals) -> None:
    with hospitals.person("mover", "radiologist", NORTH) as mover:
        shared = share(mover, hospitals)
        member = next(
            one for one in hospitals.storage.access_groups.members(NORTH) if one.subject == "mover"
        )
        hospitals.storage.access_groups.remove_member(NORTH, member)
        link = f"{LINKS}/{shared['shared_view_id']}"
        assert eventually(lambda: mover.get(link).status_code == 404)
        assert mover.get(LINKS).json()["items"] == []
        assert mover.delete(link).status_code == 204


def test_nobody_has_more_links_open_than_a_person_could_need(
    hospitals: TwoHospitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "OPEN_AT_MOST", 2)
    with hospitals.person("busy", "radiologist", NORTH) as busy:
        first, _ = share(busy, hospitals), share(busy, hospitals)
        body = {
            "study_instance_uid": hospitals.north.study_instance_uid,
            "valid_for": "day",
            "view": {"address": ""},
        }
        assert busy.post(LINKS, json=body).status_code == 429
        busy.delete(f"{LINKS}/{first['shared_view_id']}").raise_for_status()
        assert busy.post(LINKS, json=body).status_code == 201


def test_links_that_were_revoked_count_and_keep_nothing_of_their_view(
    hospitals: TwoHospitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "_MADE_AT_MOST", 2)
    body = {
        "study_instance_uid": hospitals.north.study_instance_uid,
        "valid_for": "day",
        "view": {"address": "?seen=here"},
    }
    with hospitals.person("restless", "radiologist", NORTH) as restless:
        for _ in range(2):
            made = restless.post(LINKS, json=body).json()
            restless.delete(f"{LINKS}/{made['shared_view_id']}").raise_for_status()
            kept = hospitals.storage.shared_views.get(made["shared_view_id"])
            assert kept.revoked_at is not None
            assert kept.view == {}
        refused = restless.post(LINKS, json=body)
    assert refused.status_code == 429
    assert "30 days" in refused.json()["remedy"]


def test_old_ones_are_forgotten_and_a_deleted_study_takes_its_own_along(
    hospitals: TwoHospitals, ada: httpx.Client
) -> None:
    old = share(ada, hospitals, "hour")
    expire(hospitals, old, timedelta(days=31))
    share(ada, hospitals)
    assert old["shared_view_id"] not in _ids(hospitals)
    of_south = hospitals.south.ids["shared_view_id"]
    assert of_south in _ids(hospitals)
    hospitals.storage.deletions.study(hospitals.south.study_instance_uid)
    assert of_south not in _ids(hospitals)


def _ids(hospitals: TwoHospitals) -> set[str]:
    with reading(hospitals.storage.engine) as connection:
        return set(connection.execute(select(t.shared_view.c.shared_view_id)).scalars())


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_for": "year"},
        {"view": {"address": "x" * 8001}},
        {"view": {"address": "", "viewports": [{"viewport": "cell-1"}]}},
        {"view": {"address": "", "patient": "Nordmann"}},
    ],
)
def test_what_is_no_view_is_refused(
    hospitals: TwoHospitals, ada: httpx.Client, wrong: dict[str, Any]
) -> None:
    body = {
        "study_instance_uid": hospitals.north.study_instance_uid,
        "valid_for": "day",
        "view": {"address": ""},
    }
    assert ada.post(LINKS, json=body | wrong).status_code == 422
