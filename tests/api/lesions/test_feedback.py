"""What readers reject or correct of a lesion: table, sums, draft, SR and FHIR go by it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inference.annotations.feedback_reports import write_feedback_reports
from inference.annotations.report_versions import newest_report
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests.api.client import ApiNode
from tests.api.lesions.made import GROWN, A, B, D, add_lesion_model, study, worked
from tests.api.results.test_truncated import findings_of

TOTAL = "Lesion volume, total of 3 lesions"


def give(api: ApiNode, finding: dict[str, Any], kind: str, value: float | None = None) -> None:
    body = {"kind": kind, "value": value, "reason": "A vessel."}
    path = f"/api/findings/{finding['finding_id']}/feedback"
    assert api.client.post(path, json=body).status_code == 201


def course_of(api: ApiNode, job: Job) -> dict[str, Any]:
    answer = api.client.get(f"/api/studies/{job.study_instance_uid}/lesions").json()
    (course,) = answer["items"]
    return dict(course)


def draft_of(api: ApiNode, job: Job) -> str:
    sections = draft_sections(gather(api.storage, job.study_instance_uid), load_locale("de"))
    return " ".join(one.text for section in sections for one in section.sentences)


def sr_of(api: ApiNode, job: Job) -> str:
    write_feedback_reports(api.storage, utcnow() + timedelta(hours=1))
    storage = api.storage
    report = newest_report(storage.generated, storage.instances, storage.feedback_reports, job)
    assert report is not None
    return str(report.to_json())


def test_a_rejected_lesion_leaves_all_that_holds_it(api: ApiNode, tmp_path: Path) -> None:
    add_lesion_model(api.storage, tmp_path / "model")
    worked(api.storage, study("20230101", 1, [A, B]))
    now = worked(api.storage, study("20240101", 2, [A, B, D]))
    before = course_of(api, now)["visits"][1]["lesions"]
    (new,) = (one for one in before if one["match"]["relation"] == "new")
    assert course_of(api, now)["recist"]["responses"][1]["category"] == "PD"
    assert f"Neu: {load_locale('de').label(new['label'])}" in draft_of(api, now)
    found = findings_of(api, now.study_instance_uid)
    for size in ("volume", "long axis", "short axis"):
        give(api, found[f"{new['label']} {size}"], "REJECTED")
    course = course_of(api, now)
    left = [one["lesion_id"] for one in course["visits"][1]["lesions"]]
    assert left == [one["lesion_id"] for one in before if one["lesion_id"] != new["lesion_id"]]
    response = course["recist"]["responses"][1]
    assert (response["new_lesions"], response["category"]) == (0, "SD")
    text = draft_of(api, now)
    assert "Neu:" not in text
    assert "PD" not in text
    assert (
        f"Nicht enthalten, weil ein verworfener oder korrigierter Wert darin steckt: {TOTAL}."
        in text
    )
    assert "Summe von allen 3 Läsionen" not in text
    total = api.client.get(f"/fhir/Observation/{found[TOTAL]['finding_id']}").json()
    assert "valueQuantity" not in total
    assert total["dataAbsentReason"]["text"].startswith("Left out")
    marked = findings_of(api, now.study_instance_uid).items()
    assert [label for label, one in marked if one["is_left_out"]] == [TOTAL]
    query = {"_id": found[TOTAL]["finding_id"]}
    (entry,) = api.client.get("/fhir/Observation", params=query).json()["entry"]
    assert "valueQuantity" not in entry["resource"]
    written = sr_of(api, now)
    assert written.count(TOTAL) == written.count(": left out, since it holds") == 1
    again = course_of(api, worked(api.storage, study("20250101", 3, [A, B, D])))
    last = again["recist"]["responses"][2]
    assert (last["category"], last["reasons"]) == ("NE", ["earlier_rejected"])


def test_a_corrected_axis_and_volume_count_everywhere(api: ApiNode, tmp_path: Path) -> None:
    add_lesion_model(api.storage, tmp_path / "model")
    first = worked(api.storage, study("20230101", 1, [A, B]))
    now = worked(api.storage, study("20240101", 2, [GROWN, B, D]))
    seen = {one["label"]: one for one in course_of(api, now)["visits"][1]["lesions"]}
    targets = set(course_of(api, now)["recist"]["target_tracking_uids"])
    one, other = (each for each in seen.values() if each["tracking_uid"] in targets)
    found = findings_of(api, now.study_instance_uid)
    give(api, found[f"{one['label']} long axis"], "CORRECTED", 60.0)
    give(api, found[f"{one['label']} volume"], "CORRECTED", 9.9)
    course = course_of(api, now)
    after = {each["label"]: each for each in course["visits"][1]["lesions"]}[one["label"]]
    assert (after["long_axis_mm"], after["volume_mm3"]) == (60.0, pytest.approx(9900.0))
    response = course["recist"]["responses"][1]
    expected_mm = 60.0 + other["long_axis_mm"]
    assert response["sum"] == pytest.approx(expected_mm, abs=0.05)
    text = draft_of(api, now)
    assert f"Zielläsionen: {expected_mm:.1f} mm (".replace(".", ",") in text
    assert "Summe von allen 3 Läsionen" not in text
    # A value of the first study changes what the second is compared with.
    of_first = findings_of(api, first.study_instance_uid)
    then = course["visits"][0]["lesions"][0]
    give(api, of_first[f"{then['label']} long axis"], "REJECTED")
    course = course_of(api, now)
    assert course["visits"][0]["lesions"][0]["long_axis_mm"] is None
    assert then["tracking_uid"] not in course["recist"]["target_tracking_uids"]
