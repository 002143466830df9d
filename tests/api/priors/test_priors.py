"""What other archives have of a patient is seen and fetched by REST and from the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import command_line
from inference.access_groups.service import apply_rules
from inference.priors.elsewhere import archives_for_caller, fetch_from_elsewhere
from inference.priors.search_and_fetch import search_and_fetch_due
from storage.access_groups.entities import Member
from storage.access_groups.visibility import visibility_of
from storage.container import Storage, open_storage
from storage.core.callers.visibility import Caller, limited_to
from storage.core.clock import utcnow
from storage.settings import Settings, load_settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import receive, wait_for
from tests.inference.priors.archives import EARLIER, as_archive, filled_archive
from tests.inference.small import mr_series, study_uid
from tests.services import OrthancServer, free_port

OF_PATIENT = {"2023", "2021", "2015", "2022-ct", "2025"}
ELSEWHERE = f"/api/studies/{study_uid('now')}/elsewhere"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    with filled_archive(tmp_path_factory.mktemp("orthanc")) as (found, _):
        yield found


@pytest.fixture
def asking(api: ApiNode, server: OrthancServer) -> ApiNode:
    api.storage.peers.add(as_archive(server))
    receive(api.storage, mr_series("now", 2))
    return api


def test_what_exists_elsewhere_is_listed_and_fetched_with_progress(asking: ApiNode) -> None:
    found = asking.client.get(ELSEWHERE).json()
    assert found["failures"] == []
    by_uid = {one["study_instance_uid"]: one for one in found["items"]}
    assert by_uid.keys() == {study_uid(name) for name in OF_PATIENT}
    assert [one["study_date"] for one in found["items"]][:2] == ["20250105", "20230105"]
    chest = by_uid[study_uid("2022-ct")]
    assert (chest["source"], chest["modalities"], chest["study_description"]) == (
        "archive",
        ["CT"],
        "Chest",
    )
    assert chest["fetch"] is None
    path = f"{ELSEWHERE}/{study_uid('2022-ct')}"
    is_problem(asking.client.get(path), 404, "not_found")
    answer = asking.client.post(path, json={"source": "archive"})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["state"], answer.json()["cause"]) == ("pending", "PERSON")
    search_and_fetch_due(asking.storage, "worker")
    progress = asking.client.get(path).json()
    assert (progress["state"], progress["instances"], progress["instances_total"]) == ("done", 2, 2)
    assert len(asking.client.get(ELSEWHERE).json()["items"]) == len(OF_PATIENT) - 1
    again = asking.client.post(path, json={"source": "archive"})
    assert again.json()["state"] == "done"
    (listed,) = asking.client.get("/api/priors").json()["items"]
    assert (listed["study_instance_uid"], listed["service"]) == (study_uid("2022-ct"), "C-GET")


@pytest.mark.parametrize("name", ["name", "issuer", "person"])
def test_a_study_of_somebody_else_is_not_fetched(asking: ApiNode, name: str) -> None:
    assert name in EARLIER
    path = f"{ELSEWHERE}/{study_uid(name)}"
    is_problem(asking.client.post(path, json={"source": "archive"}), 404, "not_found")
    assert asking.client.get("/api/priors").json()["items"] == []


def test_an_archive_that_is_away_is_named_and_hides_no_other(
    asking: ApiNode, server: OrthancServer
) -> None:
    asking.storage.peers.add(as_archive(server, name="tape", port=free_port()))
    found = asking.client.get(ELSEWHERE).json()
    assert len(found["items"]) == len(OF_PATIENT)
    (failure,) = found["failures"]
    assert failure["source"] == "tape"
    assert "cannot be reached" in failure["sentence"]
    path = f"{ELSEWHERE}/{study_uid('2023')}"
    is_problem(asking.client.post(path, json={"source": "tape"}), 502, "peer_failed")
    is_problem(asking.client.post(path, json={"source": "nowhere"}), 404, "not_found")


def test_what_was_given_up_is_seen_and_tried_again(asking: ApiNode, server: OrthancServer) -> None:
    path = f"{ELSEWHERE}/{study_uid('2023')}"
    asking.client.post(path, json={"source": "archive"})
    asking.storage.peers.replace(as_archive(server, port=free_port()))
    search_and_fetch_due(asking.storage, "worker")
    waiting = asking.client.get("/api/priors", params={"state": "pending"}).json()["items"]
    assert "cannot be reached" in waiting[0]["last_error"]
    asking.storage.peers.replace(as_archive(server))
    retried = asking.client.post(f"/api/priors/{study_uid('2023')}/retry")
    assert retried.status_code == 200, retried.text
    search_and_fetch_due(asking.storage, "worker")
    assert asking.client.get(path).json()["state"] == "done"
    is_problem(asking.client.post("/api/priors/1.2.3/retry"), 404, "not_found")
    assert asking.client.post("/api/priors/retry").json() == {"searches": 0, "studies": 0}


def test_who_fetched_what_is_in_the_audit_trail_and_no_patient_in_the_log(
    asking: ApiNode, capfd: pytest.CaptureFixture[str]
) -> None:
    path = f"{ELSEWHERE}/{study_uid('2023')}"
    asking.client.post(path, json={"source": "archive"})
    search_and_fetch_due(asking.storage, "worker")

    def imports() -> set[tuple[str, str]]:
        events = asking.client.get("/api/audit", params={"limit": 100}).json()["items"]
        return {
            (
                one["actor_kind"],
                one["detail"].get("prior_study_instance_uid", *one["study_instance_uids"]),
            )
            for one in events
            if one["code"] == "110107"
        }

    # Who asked for it, and the node that fetched it.
    both = {("local", study_uid("2023")), ("node", study_uid("2023"))}
    wait_for(lambda: imports() == both, "the record of the fetch")
    output = "".join(capfd.readouterr())
    assert "Q-4711" not in output
    assert "Quernhammer" not in output


def test_an_archive_of_another_group_is_not_shown(
    api_settings: Settings, server: OrthancServer
) -> None:
    with api_node(api_settings) as node:
        storage = node.storage
        storage.peers.add(as_archive(server))
        assert [one.name for one in archives_for_caller(storage.peers, storage.engine)] == [
            "archive"
        ]
        receive(storage, mr_series("now", 1))
        fetch_from_elsewhere(storage, study_uid("now"), study_uid("2023"), "archive")
        _groups(storage)
        for person, seen in (("north", ["archive"]), ("south", [])):
            with limited_to(visibility_of(storage.engine, Caller("account", person))):
                assert [
                    one.name for one in archives_for_caller(storage.peers, storage.engine)
                ] == seen
                assert storage.prior_fetches.list()[0] == []
        assert len(storage.prior_fetches.list()[0]) == 1


def _groups(storage: Storage) -> None:
    for name in ("north", "south"):
        storage.access_groups.add(name, "")
        storage.access_groups.add_member(name, Member("account", name))
    storage.access_groups.add_member("north", Member("peer", "archive"))
    apply_rules(storage, utcnow(), budget_s=60)
    storage.access_groups.enforce(True)


@logging_as_before()
def test_the_command_line_lists_fetches_and_tries_again(
    tmp_path: Path, server: OrthancServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(command_line(arguments), arguments)
        assert result.exit_code == 0, result.output
        return result.output

    run("migrate")
    address = f"ORTHANC@{server.host}:{server.port}"
    run("peers", "add", "archive", address)
    with open_storage(load_settings()) as storage:
        receive(storage, mr_series("now", 2))
    assert "0 found" in run("priors", "elsewhere", study_uid("now"))
    assert "may be asked" in run("peers", "archive", "archive")
    assert f"{len(OF_PATIENT)} found" in run("priors", "elsewhere", study_uid("now"))
    fetched = run("priors", "fetch", study_uid("now"), study_uid("2023"), "--from", "archive")
    assert "pending" in fetched
    assert "1 shown of 1" in run("priors", "list")
    assert "0 searches and 1 studies" in run("priors", "retry", study_uid("2023"))
    assert "0 shown" in run("priors", "searches")
