"""A lesion that merged or split is compared with all of its parts, in every result."""

from collections.abc import Iterator
from typing import Any

import pytest

from inference.reports.draft import draft_sections
from inference.reports.due import draft_due
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.core.entities import Job
from tests.api.client import ApiNode, api_node
from tests.api.lesions.made import A, Ball, add_lesion_model, study, worked
from tests.api.results.test_truncated import findings_of, result
from tests.inference.orchestration import later, settings_in
from tests.migrated import upgrade
from tests.services import free_port

PARTS: list[Ball] = [(-20.0, 0.0, 0.0, 6.5), (-3.0, 0.0, 0.0, 5.5)]
WHOLE: Ball = (-12.0, 0.0, 0.0, 13.5)
OTHER: Ball = (A[0] + 6, A[1], A[2] + 10, 6.2)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiNode, list[Job]]]:
    """Two lesions, merged into one in the second study and split again in the third."""
    folder = tmp_path_factory.mktemp("joined")
    settings = settings_in(folder, http_port=free_port(), dicom_port=free_port())
    upgrade(settings)
    with api_node(settings) as api:
        add_lesion_model(api.storage, folder / "model")
        jobs = [
            worked(api.storage, study(date, seed, [*lesions, OTHER]))
            for date, seed, lesions in (
                ("20230101", 1, PARTS), ("20240101", 2, [WHOLE]), ("20250101", 3, PARTS),
            )
        ]  # fmt: skip
        yield api, jobs


def volumes(api: ApiNode, job: Job) -> list[dict[str, Any]]:
    """Of the single lesions, the largest first."""
    found = [
        one for one in findings_of(api, job.study_instance_uid).values()
        if one["segmentation"] is not None and one["label"].endswith("volume")
        and one["label"].removeprefix("Lesion ")[0].isdigit()
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one["value"])


def comments(dataset: Any) -> str:
    return " ".join(one.value for one in dataset.iterall() if one.keyword == "TextValue")


def changes(dataset: Any) -> list[float]:
    return [
        float(item.MeasuredValueSequence[0].NumericValue)
        for one in dataset.iterall()
        if one.keyword == "ContentSequence"
        for item in one.value
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == "125314"
    ]


def draft_of(api: ApiNode, job: Job) -> str:
    draft_due(api.storage, later(7200))
    sections = draft_sections(gather(api.storage, job.study_instance_uid), load_locale("en"))
    return " ".join(each.text for one in sections for each in one.sentences)


def test_a_merged_lesion_is_compared_with_all_that_it_was(
    studies: tuple[ApiNode, list[Job]],
) -> None:
    api, (first, second, _) = studies
    whole, other = volumes(api, second)
    prior = whole["prior"]
    parts = [one for one in volumes(api, first) if one["tracking_uid"] != other["tracking_uid"]]
    before = sum(one["value"] for one in parts)
    assert (prior["relation"], prior["parts_before"], prior["parts_now"]) == ("merged", 2, 1)
    assert prior["value"] == pytest.approx(before, abs=0.002)
    expected = (whole["value"] - before) / before * 100
    assert prior["change_percent"] == pytest.approx(expected, abs=0.2)
    report = result(api, second, "SR")
    assert "Merged from 2 lesions" in comments(report)
    assert max(changes(report)) == pytest.approx(prior["change_percent"])
    text = draft_of(api, second)
    assert f"{whole['label']}: merged from 2 lesions; " in text
    # Of the total of all lesions a change is stated, of a part none.
    assert f"volume of the {whole['label'].removesuffix(' volume').lower()} has" not in text
    assert (other["prior"]["relation"], other["prior"]["within_variation"]) == ("", True)


def test_the_parts_of_a_split_are_compared_together(studies: tuple[ApiNode, list[Job]]) -> None:
    api, (_, second, third) = studies
    whole = volumes(api, second)[0]
    split = [one for one in volumes(api, third) if one["prior"]["relation"] == "split"]
    assert len(split) == 2
    together = sum(one["value"] for one in split)
    for one in split:
        prior = one["prior"]
        assert (prior["parts_before"], prior["parts_now"]) == (1, 2)
        assert prior["value"] == whole["value"]
        assert prior["value_now"] == pytest.approx(together, abs=0.002)
        expected = (together - whole["value"]) / whole["value"] * 100
        assert prior["change_percent"] == pytest.approx(expected, abs=0.2)
    assert "One of 2 parts of a lesion that has split" in comments(result(api, third, "SR"))
    text = draft_of(api, third)
    assert "one of 2 parts of a lesion that has split" in text
    for one in split:
        assert f"volume of the {one['label'].removesuffix(' volume').lower()} has" not in text


def test_no_line_joins_part_and_whole(studies: tuple[ApiNode, list[Job]]) -> None:
    api, (_, second, _) = studies
    answer = api.client.get(f"/api/studies/{second.study_instance_uid}/trend").json()
    whole = volumes(api, second)[0]
    (trend,) = [one for one in answer["items"] if one["label"] == whole["label"]]
    assert [one["is_joined"] for one in trend["points"]] == [False, True, True]
