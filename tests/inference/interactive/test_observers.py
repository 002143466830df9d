"""Who accepted each segment stands with it, whoever accepts the next one."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.interactive.accepting import save_accepted
from inference.interactive.loaded_series import load_series
from inference.interactive.models import click_models
from inference.mask_edits.label_map import LabelMap
from inference.mask_edits.service import edit_mask
from inference.model_registry.adding import add_model
from inference.results.author import Author
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import StateConflict
from storage.interactive.entities import InteractiveSession
from tests import builders
from tests.api.client import part10
from tests.inference.click_bundle import click_bundle
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save

ADA = Author("Ada Lovelace", is_person=True, id="account:ada")
BEA = Author("Béa Müller", is_person=True, id="account:bea")
ROBOT = Author("segmenter", is_person=False, id="key:1")
_PERSON, _DEVICE = "121008", "121013"
SHAPE = (6, 20, 24)

Accept = Callable[[Author, str, int], Job]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path / "node") as opened:
        add_model(
            opened.settings,
            opened.model_states,
            opened.shadow_runs,
            click_bundle(tmp_path / "bundle"),
            "somebody",
        )
        yield opened


@pytest.fixture
def accept(storage: Storage) -> Accept:
    """By somebody, under a label, of the columns from `first` on."""
    datasets = builders.series(np.zeros(SHAPE, np.int16), directions=builders.rotation(9, 4, 80))
    for one in datasets:
        storage.ingest.accept(part10(one), source="dimse:TEST")
    study, series = (
        str(datasets[0][key].value) for key in ("StudyInstanceUID", "SeriesInstanceUID")
    )
    (model,) = click_models(storage.settings)
    loaded = load_series(storage.index, storage.instances, study, series, model)
    now = utcnow()

    def accepted(author: Author, label: str, first: int) -> Job:
        mask = np.zeros(loaded.volume.voxels.shape, bool)
        mask[1:4, 3:9, first : first + 3] = True
        return save_accepted(
            storage,
            session_of(author, (study, series), (model.name, model.version), now),
            {
                "author_name": author.name,
                "author_id": author.id,
                "is_person": author.is_person,
                "label": label,
                "code": None,
            },
            model,
            loaded,
            mask,
        )

    return accepted


def session_of(
    author: Author, of: tuple[str, str], model: tuple[str, str], now: datetime
) -> InteractiveSession:
    return InteractiveSession(
        f"session of {author.id}", *of, *model, "spleen", author.id, "ready", "",
        [{"lps_mm": (0.0, 0.0, 0.0), "inside": True}], None, [], None, 1, 1, None, None, 54, 3,
        None, "", "", None, now, now,
    )  # fmt: skip


def results(storage: Storage, job: Job) -> tuple[Dataset, Dataset]:
    uids = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    segmentation, report = (
        storage.instances.dataset(storage.generated.instance(uids[kind])) for kind in ("SEG", "SR")
    )
    return segmentation, report


def observers(report: Dataset) -> list[list[tuple[str, str]]]:
    """Of the document, and of its measurement group of each segment in the order of these."""

    def named(item: Any) -> list[tuple[str, str]]:
        found = []
        for one in item.get("ContentSequence", ()):
            name = one.ConceptNameCodeSequence[0].CodeValue
            if name in (_PERSON, _DEVICE):
                assert one.RelationshipType == "HAS OBS CONTEXT"
                found.append((name, str(one.get("PersonName") or one.get("TextValue"))))
        return found

    def segment(group: Any) -> int:
        (number,) = (
            one.ReferencedSOPSequence[0].ReferencedSegmentNumber
            for one in group.ContentSequence
            if "ReferencedSegmentNumber" in one.get("ReferencedSOPSequence", [{}])[0]
        )
        return int(number)

    (measurements,) = (
        one
        for one in report.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeValue == "126010"
    )
    return [named(report), *map(named, sorted(measurements.ContentSequence, key=segment))]


def test_each_segment_is_of_who_accepted_it(
    storage: Storage, accept: Accept, tmp_path: Path
) -> None:
    first = accept(ADA, "Spleen", 2)
    segmentation, report = results(storage, first)
    pipeline = (_DEVICE, f"{first.pipeline} {first.pipeline_version}")
    # One person made all of it.
    assert observers(report) == [[(_PERSON, ADA.name), pipeline], []]
    assert str(segmentation.ContentCreatorName) == ADA.name

    second = accept(ROBOT, "Vein", 8)
    assert second.result["notes"] == ["Segmented by what the program 'segmenter' marked: 1 point."]
    segmentation, report = results(storage, second)
    assert observers(report) == [[pipeline], [(_PERSON, ADA.name)], [(_DEVICE, ROBOT.name)]]
    assert not segmentation.ContentCreatorName

    third = accept(BEA, "Artery", 14)
    assert third.result["notes"] == ["Segmented by what a person marked: 1 point."]
    segmentation, report = results(storage, third)
    assert observers(report) == [
        [pipeline],
        [(_PERSON, ADA.name)],
        [(_DEVICE, ROBOT.name)],
        [(_PERSON, BEA.name)],
    ]
    for one in (segmentation, report):
        assert complaints(save(one, tmp_path / "one.dcm")) == []
    # Another reader finds the groups as before.
    parsed = hd.sr.Comprehensive3DSR.from_dataset(report)
    groups = parsed.content.get_volumetric_roi_measurement_groups()
    assert [one.finding_type.meaning for one in groups] == ["Spleen"] * 3
    assert len({one.tracking_uid for one in groups}) == 3

    # Who edits the mask of one is the observer of that one.
    planes = segmentation.PerFrameFunctionalGroupsSequence
    of_first = planes[0].DerivationImageSequence[0].SourceImageSequence[0]
    values = np.zeros((1, *SHAPE[1:]), np.uint8)
    values[0, :2, :2] = 2
    edited = edit_mask(
        storage,
        first.study_instance_uid,
        str(segmentation.SOPInstanceUID),
        LabelMap(((str(of_first.ReferencedSOPInstanceUID), 1),), (2,), values),
        ADA,
    )
    segmentation, report = results(storage, edited)
    assert observers(report)[1:] == [[(_PERSON, ADA.name)]] * 2 + [[(_PERSON, BEA.name)]]
    assert {one.SegmentAlgorithmType for one in segmentation.SegmentSequence} == {"SEMIAUTOMATIC"}


def test_a_segment_of_somebody_else_is_not_replaced(storage: Storage, accept: Accept) -> None:
    accept(ADA, "Spleen", 2)
    for other in (BEA, ROBOT, Author(ADA.name, is_person=True, id="account:another ada")):
        with pytest.raises(StateConflict, match="'Spleen' that 'Ada Lovelace' has saved"):
            accept(other, "Spleen", 9)
    accept(BEA, "Spleen of Béa", 9)
    again = accept(ADA, "Spleen", 12)
    segmentation, _ = results(storage, again)
    assert [one.SegmentLabel for one in segmentation.SegmentSequence] == ["Spleen", "Spleen of Béa"]


def test_a_program_alone_is_no_person(storage: Storage, accept: Accept) -> None:
    segmentation, report = results(storage, accept(ROBOT, "Spleen", 2))
    of_document, of_segment = observers(report)
    assert _PERSON not in dict(of_document)
    assert of_segment == [(_DEVICE, ROBOT.name)]
    assert not segmentation.ContentCreatorName
