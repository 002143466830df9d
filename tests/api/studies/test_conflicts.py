"""An administrator looks at what came under a taken UID, and decides."""

import io
import subprocess
import sys
import threading
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from storage.reconciliation.reconcile import reconcile
from storage.settings import Settings
from tests.api.client import ApiNode, is_problem, part10
from tests.builders import t1_head


def with_conflict(api: ApiNode, slices: int = 2) -> tuple[list[Dataset], Dataset, int]:
    """A series, another content for its first instance, and the conflict's number."""
    series = t1_head((slices, 8, 8))
    for dataset in series:
        assert api.storage.ingest.accept(part10(dataset), "test").outcome == "stored"
    other = pydicom.dcmread(io.BytesIO(part10(series[0])))
    other.PatientName, other.SeriesDescription = "Other^Name", "corrected"
    assert api.storage.ingest.accept(part10(other), "dimse:CT1").outcome == "conflict"
    (item,) = api.client.get("/api/conflicts").json()["items"]
    return series, other, item["conflict_id"]


def held(api: ApiNode, dataset: Dataset) -> bytes:
    return api.storage.instances.read(api.storage.index.instance(dataset.SOPInstanceUID))


def test_it_is_listed_with_what_is_held(stored_api: ApiNode) -> None:
    series, other, number = with_conflict(stored_api)
    page = stored_api.client.get("/api/conflicts").json()
    assert page["total"] == 1
    (item,) = page["items"]
    assert item["sop_instance_uid"] == series[0].SOPInstanceUID
    assert item["source"] == "dimse:CT1"
    assert item["existing"]["source"] == "test"
    assert item["existing"]["study_instance_uid"] == series[0].StudyInstanceUID
    assert item["digest"] != item["existing"]["digest"]
    detail = stored_api.client.get(f"/api/conflicts/{number}").json()
    assert {one["keyword"]: one["other"]["Value"] for one in detail["differences"]} == {
        "PatientName": [{"Alphabetic": "Other^Name"}],
        "SeriesDescription": ["corrected"],
    }
    assert detail["readable"]
    file = stored_api.client.get(f"/api/conflicts/{number}/file")
    assert file.content == part10(other)


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_sent(
    stored_api: ApiNode,
) -> None:
    *_, number = with_conflict(stored_api)
    for path in stored_api.storage.volumes.folder.glob("*.mvv"):
        path.unlink()

    answer = stored_api.client.get(f"/api/conflicts/{number}/file")

    is_problem(answer, 503, "storage_unavailable")


def test_discarding_leaves_what_is_held(stored_api: ApiNode) -> None:
    series, _, number = with_conflict(stored_api)
    assert stored_api.client.delete(f"/api/conflicts/{number}").status_code == 204
    assert stored_api.client.get("/api/conflicts").json()["total"] == 0
    assert held(stored_api, series[0]) == part10(series[0])
    is_problem(stored_api.client.delete(f"/api/conflicts/{number}"), 404, "not_found")
    is_problem(stored_api.client.post(f"/api/conflicts/{number}/accept"), 404, "not_found")


@pytest.mark.parametrize("slices", [1, 2])
def test_accepting_puts_it_in_the_place_of_the_other(stored_api: ApiNode, slices: int) -> None:
    series, other, number = with_conflict(stored_api, slices)
    before = stored_api.client.get(
        f"/dicom-web/studies/{series[0].StudyInstanceUID}/metadata"
    ).headers["etag"]
    answer = stored_api.client.post(f"/api/conflicts/{number}/accept")
    assert answer.status_code == 200, answer.text
    assert stored_api.client.get("/api/conflicts").json()["total"] == 0
    assert held(stored_api, other) == part10(other)
    rows = stored_api.client.get("/dicom-web/instances").json()
    assert len(rows) == slices
    after = stored_api.client.get(f"/dicom-web/studies/{series[0].StudyInstanceUID}/metadata")
    assert after.headers["etag"] != before
    assert "corrected" in after.text
    (study,) = stored_api.client.get("/api/studies").json()["items"]
    assert study["state"] == "receiving"
    # The one that was replaced may come again, and is the other one now.
    again = stored_api.storage.ingest.accept(part10(series[0]), "test")
    assert again.outcome == "conflict"
    assert stored_api.storage.ingest.accept(part10(other), "test").outcome == "duplicate"


def test_a_large_one_is_accepted_too(api: ApiNode) -> None:
    (small,) = t1_head((1, 8, 8))
    api.storage.ingest.accept(part10(small), "test")
    (large,) = t1_head((1, 8, 8))
    large.SOPInstanceUID = large.file_meta.MediaStorageSOPInstanceUID = small.SOPInstanceUID
    large.Rows, large.Columns = 2500, 2500
    large.PixelData = bytes(range(256)) * (2500 * 2500 * 2 // 256 + 1)
    stream = api.storage.ingest.open_stream("dimse:CT1")
    stream.write(part10(large))
    assert stream.finish().outcome == "conflict"
    (item,) = api.client.get("/api/conflicts").json()["items"]
    assert api.client.post(f"/api/conflicts/{item['conflict_id']}/accept").status_code == 200
    assert held(api, small) == part10(large)


def test_a_crash_at_any_step_leaves_one_or_the_other(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reconcile finds at the next start is whole, whichever step was the last."""
    for step, is_made in (("exchange_rows", False), ("bury_by", False), ("remove_derived", True)):
        series, other, number = with_conflict(api)

        def broken(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(f"storage.ingest.conflicts.{step}", broken)
            with pytest.raises(KeyboardInterrupt):
                api.storage.conflicts.accept(number)
        api.storage.volumes.close()
        reconcile(api.storage.engine, api.storage.volumes.folder)
        assert held(api, other) == part10(other if is_made else series[0])
        assert api.client.get("/api/conflicts").json()["total"] == (not is_made)
        api.storage.deletions.study(series[0].StudyInstanceUID)


def test_two_who_decide_at_once_do_no_harm(stored_api: ApiNode) -> None:
    _, other, number = with_conflict(stored_api)
    answers: list[int] = []

    def accept() -> None:
        answers.append(stored_api.client.post(f"/api/conflicts/{number}/accept").status_code)

    threads = [threading.Thread(target=accept) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 404, 404]
    assert held(stored_api, other) == part10(other)
    assert len(stored_api.client.get("/dicom-web/instances").json()) == 2
    assert stored_api.client.get("/api/conflicts").json()["total"] == 0


def test_what_cannot_be_compared_is_still_shown(api: ApiNode) -> None:
    is_problem(api.client.get("/api/conflicts/0"), 422, "validation_failed")
    is_problem(api.client.get("/api/conflicts/77"), 404, "not_found")
    is_problem(api.client.get("/api/conflicts/77/file"), 404, "not_found")


def with_conflicts(api: ApiNode, count: int = 4) -> tuple[list[Dataset], list[Dataset]]:
    """A series, and another content for each of its instances by two senders."""
    series = t1_head((count, 8, 8))
    others = []
    for number, dataset in enumerate(series):
        assert api.storage.ingest.accept(part10(dataset), "test").outcome == "stored"
        other = pydicom.dcmread(io.BytesIO(part10(dataset)))
        other.SeriesDescription = "corrected"
        source = "dimse:CT1" if number % 2 else "dimse:CT2"
        assert api.storage.ingest.accept(part10(other), source).outcome == "conflict"
        others.append(other)
    return series, others


def decide(api: ApiNode, decision: str, **which: object) -> dict[str, Any]:
    answer = api.client.post("/api/conflicts/decisions", json={"decision": decision, **which})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_all_conflicts_of_a_study_are_decided_at_once(stored_api: ApiNode) -> None:
    series, others = with_conflicts(stored_api)
    study = series[0].StudyInstanceUID
    assert decide(stored_api, "accept", study_instance_uid="1.2.3")["decided"] == []
    answer = decide(stored_api, "accept", study_instance_uid=study)
    assert (len(answer["decided"]), answer["left"], answer["waiting"]) == (4, [], 0)
    assert [held(stored_api, one) for one in others] == [part10(one) for one in others]
    assert len(stored_api.client.get("/dicom-web/instances").json()) == 4


def test_those_of_one_sender_are_discarded_and_the_others_wait(api: ApiNode) -> None:
    series, _ = with_conflicts(api)
    answer = decide(api, "discard", source="dimse:CT1")
    assert (len(answer["decided"]), answer["waiting"]) == (2, 2)
    rest = api.client.get("/api/conflicts").json()["items"]
    assert {one["source"] for one in rest} == {"dimse:CT2"}
    numbers = [one["conflict_id"] for one in rest]
    answer = decide(api, "discard", conflict_ids=[*numbers, 999])
    assert (answer["decided"], answer["gone"]) == (sorted(numbers), [999])
    assert held(api, series[0]) == part10(series[0])


def test_two_contents_of_one_uid_are_not_accepted_together(api: ApiNode) -> None:
    series, other, number = with_conflict(api)
    other.SeriesDescription = "corrected again"
    assert api.storage.ingest.accept(part10(other), "dimse:CT2").outcome == "conflict"
    # Nor where the other one came by another sender, which this decision is not about.
    assert decide(api, "accept", source="dimse:CT1")["decided"] == []
    answer = decide(api, "accept", study_instance_uid=series[0].StudyInstanceUID)
    assert answer["decided"] == []
    assert {one["conflict_id"] for one in answer["left"]} >= {number}
    assert "2 contents wait under this UID" in answer["left"][0]["reason"]
    assert held(api, series[0]) == part10(series[0])


def test_what_two_decide_at_once_is_decided_by_one_of_them(stored_api: ApiNode) -> None:
    series, _ = with_conflicts(stored_api, 6)
    study = series[0].StudyInstanceUID
    stated: dict[str, dict[str, Any]] = {}
    threads = [
        threading.Thread(
            target=lambda one=decision: stated.update(
                {one: decide(stored_api, one, study_instance_uid=study)}
            )
        )
        for decision in ("accept", "discard")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted, discarded = (set(stated[one]["decided"]) for one in ("accept", "discard"))
    assert not accepted & discarded
    assert len(accepted | discarded) == 6
    assert set(stated["accept"]["gone"]) <= discarded
    descriptions = [pydicom.dcmread(io.BytesIO(held(stored_api, one))) for one in series]
    assert sum(one.SeriesDescription == "corrected" for one in descriptions) == len(accepted)


@pytest.mark.parametrize("body", [{"decision": "accept"}, {"decision": "all", "source": "stow"}])
def test_a_decision_names_what_it_is_about(api: ApiNode, body: dict[str, str]) -> None:
    is_problem(api.client.post("/api/conflicts/decisions", json=body), 422, "validation_failed")


@pytest.mark.slow
def test_the_command_line_decides_them_too(
    api: ApiNode, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    series, others = with_conflicts(api)
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api_settings.data_dir))

    def run(*arguments: str) -> str:
        # A process of its own: a command sets up logging for all that comes after it.
        command = [sys.executable, "-m", "api.cli", "conflicts", *arguments]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "4 shown of 4" in run("list")
    assert "2 decided" in run("decide", "discard", "--source", "dimse:CT2")
    assert "2 decided" in run("decide", "accept", "--study", series[0].StudyInstanceUID)
    assert "0 shown of 0" in run("list")
    assert held(api, others[1]) == part10(others[1])
    assert held(api, series[0]) == part10(series[0])
