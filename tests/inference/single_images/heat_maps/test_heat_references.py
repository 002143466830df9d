"""The report names the objects that show a heat map, each by its purpose."""

import io
from pathlib import Path

import highdicom as hd
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage

from inference.model_registry.adding import add_model
from storage.container import Storage
from tests.e2e.support.checks import dsrdump
from tests.inference.films import bright_classifier, film, part10
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save
from tests.inference.single_images.heat_maps.heated import oblique_slice
from tests.inference.single_images.support import done, objects

PICTURE = ("121080", "Best illustration of finding", SecondaryCaptureImageStorage)
MAP = ("130404", "Saliency", ParametricMapStorage)


def shown(report: Dataset) -> dict[str, list[tuple[str, str, str, str]]]:
    """By label: purpose, class and instance of each image that is named beside the source."""
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    found = {}
    for group in content.get_image_measurement_groups():
        (evaluation,) = (
            one for one in group.get_qualitative_evaluations() if one.name.value == "classification"
        )
        images = [
            one
            for one in group[0].ContentSequence
            if one.ValueType == "IMAGE" and one.name.value != "121112"
        ]
        found[evaluation.value.meaning] = [
            (
                one.name.value,
                one.name.meaning,
                str(one.referenced_sop_class_uid),
                str(one.referenced_sop_instance_uid),
            )
            for one in images
        ]
    return found


def evidence(report: Dataset) -> set[tuple[str, str]]:
    """Series and instance of what the report has in evidence."""
    return {
        (str(series.SeriesInstanceUID), str(one.ReferencedSOPInstanceUID))
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }


@pytest.mark.parametrize("has_place", [False, True], ids=["film", "slice"])
@pytest.mark.parametrize("kinds", ["", "SC"])
def test_what_has_a_heat_map_names_its_picture_and_its_map(
    tmp_path: Path, kinds: str, *, has_place: bool
) -> None:
    """Of a film the picture where one is made, of a slice the map as well; the other label has
    neither."""
    with storage_in(tmp_path / "node", result_kinds=kinds) as storage:
        modalities = ["CT"] if has_place else ["DX"]
        folder = bright_classifier(
            tmp_path / "m", heat_map={"grid": 4}, modalities=modalities, labels_at_most=2
        )
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        name = f"named{kinds}"
        job = done(storage, oblique_slice(name) if has_place else film(name))
        (report,) = objects(storage, job, "SR")
        made = {
            kind: objects(storage, job, kind)[0]
            for kind in ("PM", "SC")
            if any(one["kind"] == kind for one in job.result["instances"])
        }
    path = save(report, tmp_path / "report.dcm")
    assert complaints(path) == []
    expected = [
        (*purpose, str(made[kind].SOPInstanceUID))
        for kind, purpose in (("PM", MAP), ("SC", PICTURE))
        if kind in made
    ]
    assert len(expected) == has_place + bool(kinds)
    by_label = shown(report)
    assert sorted(map(len, by_label.values())) == [0, len(expected)]
    assert max(by_label.values(), key=len) == expected
    for one in made.values():
        assert (str(one.SeriesInstanceUID), str(one.SOPInstanceUID)) in evidence(report)
    dump = dsrdump(path)
    for code, meaning, _, _ in expected:
        assert f'<contains IMAGE:({code},DCM,"{meaning}")=' in dump


def test_several_films_name_each_its_own_picture(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 2}, labels_at_most=1)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    films = [film("several", number) for number in (1, 2, 3)]
    job = done(storage, *films)
    (report,) = objects(storage, job, "SR")
    pictures = {
        str(one.SourceImageSequence[0].ReferencedSOPInstanceUID): str(one.SOPInstanceUID)
        for one in objects(storage, job, "SC")
    }
    named = {}
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    for group in content.get_image_measurement_groups():
        (source,) = group.source_images
        (picture,) = (
            one
            for one in group[0].ContentSequence
            if one.ValueType == "IMAGE" and one.name.value == PICTURE[0]
        )
        named[str(source.referenced_sop_instance_uid)] = str(picture.referenced_sop_instance_uid)
    assert named == pictures
    assert len(named) == 3
