"""Key images: a selection whose versions follow each other."""

from pathlib import Path

import highdicom as hd
import httpx
import pydicom
from pydicom.dataset import Dataset

from tests.api.annotations.drawn import stored
from tests.api.client import ApiNode, is_problem
from tests.inference.results_support import complaints, save


def test_key_images_are_a_selection_whose_versions_follow_each_other(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    path = f"{study}/key-images"
    chosen = [{"sop_instance_uid": one.SOPInstanceUID, "frame_number": None} for one in images]
    answer = api.client.post(
        path, json={"title": "FOR_CONFERENCE", "description": "Tumour board", "images": chosen[:2]}
    )
    assert answer.status_code == 201, answer.text
    first = answer.json()
    second = api.client.post(
        path,
        json={"images": chosen[1:], "predecessor_sop_instance_uid": first["sop_instance_uid"]},
    ).json()
    (listed,) = api.client.get(path).json()["items"]
    assert listed == second
    assert listed["images"] == chosen[1:]
    assert first["title"] == "FOR_CONFERENCE"
    assert first["description"] == "Tumour board"
    stale = api.client.post(
        path,
        json={"images": chosen[1:], "predecessor_sop_instance_uid": first["sop_instance_uid"]},
    )
    is_problem(stale, 409, "uid_conflict")
    instance = api.storage.index.instance(first["sop_instance_uid"])
    file = tmp_path / "ko.dcm"
    file.write_bytes(api.storage.instances.read(instance))
    assert complaints(file) == []
    read = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(file))
    assert [
        str(uid) for _, _, uid in (read.resolve_reference(i.SOPInstanceUID) for i in images[:2])
    ] == [one.SOPInstanceUID for one in images[:2]]
    is_problem(api.client.post(path, json={"images": [{"sop_instance_uid": "1.9"}]}),
               400, "invalid_request")  # fmt: skip


def test_a_selection_is_emptied_by_a_note_that_rejects_its_versions_and_filled_again(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    path = f"{study}/key-images"

    def choose(count: int, after: str) -> httpx.Response:
        chosen = [{"sop_instance_uid": one.SOPInstanceUID} for one in images[:count]]
        return api.client.post(path, json={"images": chosen, "predecessor_sop_instance_uid": after})

    is_problem(choose(0, ""), 400, "invalid_request")
    first = choose(2, "").json()["sop_instance_uid"]
    second = choose(1, first).json()["sop_instance_uid"]
    is_problem(choose(0, first), 409, "uid_conflict")
    answer = choose(0, second)
    assert answer.status_code == 201, answer.text
    none = answer.json()
    assert none["images"] == []
    assert api.client.get(path).json()["items"] == [none]
    # Nothing is lost: both versions are where they were, and the note names both.
    note = stored(api, none["sop_instance_uid"])
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert note.SeriesInstanceUID == stored(api, first).SeriesInstanceUID
    assert [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in note.ContentSequence
        if item.ValueType == "COMPOSITE"
    ] == [first, second]
    assert complaints(save(note, tmp_path / "note.dcm")) == []
    is_problem(choose(0, none["sop_instance_uid"]), 400, "invalid_request")
    again = choose(1, none["sop_instance_uid"]).json()
    assert api.client.get(path).json()["items"] == [again]
    assert [one["sop_instance_uid"] for one in again["images"]] == [images[0].SOPInstanceUID]
