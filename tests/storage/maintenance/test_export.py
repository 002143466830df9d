"""Media that others read: DCMTK's dcmdump, and pydicom's own file sets."""

import io
import subprocess
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.fileset import FileInstance, FileSet

from storage.container import Storage
from storage.core.errors import InvalidRequest, NotFound
from storage.core.uids import derive_uid
from storage.maintenance.export import plan_export, write_folder, write_zip, zip_pieces
from tests.services import tool
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")
WHOLE = {
    "StudyDate": "20240131",
    "StudyTime": "101500",
    "StudyID": "1",
    "AccessionNumber": "A1",
    "StudyDescription": "Schädel",
}


def fill(storage: Storage, **attributes: object) -> dict[str, bytes]:
    contents = {}
    for series in ("a", "b"):
        for number in range(3):
            more = {"SeriesNumber": 1 + (series == "b"), "InstanceNumber": number + 1}
            content = part10(series=series, instance=str(number), **{**WHOLE, **more, **attributes})
            contents[storage.ingest.accept(content, "stow").sop_instance_uid] = content
    return contents


def test_a_folder_with_a_dicomdir_that_dcmtk_and_pydicom_read(
    storage: Storage, tmp_path: Path
) -> None:
    contents = fill(storage)
    export = plan_export(storage.index, storage.instances, STUDY)
    assert export.filled == ()
    write_folder(storage.instances, export, tmp_path / "media")
    files = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    for path in files:
        for part in path.relative_to(tmp_path / "media").parts:
            assert len(part) <= 8
            assert part == part.upper()
            assert "." not in part
    kept = {path.read_bytes() for path in files if path.name != "DICOMDIR"}
    assert kept == set(contents.values())

    read = FileSet(tmp_path / "media" / "DICOMDIR")
    assert {str(one.SOPInstanceUID): one.path for one in read}.keys() == contents.keys()
    for one in read:
        assert Path(one.path).read_bytes() == contents[str(one.SOPInstanceUID)]
    read._stage["t"].cleanup()

    dumped = subprocess.run(
        [tool("dcmdump", "dcmtk"), "+U8", tmp_path / "media" / "DICOMDIR"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert dumped.stderr == ""
    for value in ("Müller^Jürgen", "Schädel", "[20240131]", "MediaStorageDirectoryStorage"):
        assert value in dumped.stdout
    # dcmmkdir reads the media again and makes a directory of its own.
    remade = subprocess.run(
        [
            tool("dcmmkdir", "dcmtk"), "--recurse", "--general-purpose",
            "+id", tmp_path / "media", "+D", tmp_path / "REMADE",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert remade.returncode == 0, remade.stderr
    ours = pydicom.dcmread(tmp_path / "media" / "DICOMDIR")
    theirs = pydicom.dcmread(tmp_path / "REMADE")
    assert outline(ours) == outline(theirs)


def outline(directory: pydicom.Dataset) -> list[tuple[str, str, tuple[str, ...]]]:
    return sorted(
        (
            record.DirectoryRecordType,
            str(record.get("ReferencedSOPInstanceUIDInFile", "")),
            tuple(record.get("ReferencedFileID", ())),
        )
        for record in directory.DirectoryRecordSequence
        if record.DirectoryRecordType != "DICOMDIR"
    )


def test_a_zip_holds_the_same_and_takes_no_memory_for_pixels(
    storage: Storage, tmp_path: Path
) -> None:
    pixels = bytes(4000 * 4000)
    for number in range(3):
        storage.ingest.accept(
            part10(
                instance=str(number), Rows=4000, Columns=2000, PixelData=pixels,
                SeriesNumber=1, InstanceNumber=number, **WHOLE,
            ),
            "stow",
        )  # fmt: skip
    export = plan_export(storage.index, storage.instances, STUDY)
    tracemalloc.start()
    assert sum(len(piece) for piece in zip_pieces(storage.instances, export)) > 3 * len(pixels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    write_zip(storage.instances, export, tmp_path / "study.zip")
    with zipfile.ZipFile(tmp_path / "study.zip") as file:
        assert file.testzip() is None
        assert "DICOMDIR" in file.namelist()
        for entry in export.entries:
            assert file.read(entry.name) == storage.instances.read(entry.instance)
    with pytest.raises(InvalidRequest, match="exists"):
        write_zip(storage.instances, export, tmp_path / "study.zip")


def test_what_a_directory_needs_is_filled_there_or_refused(
    storage: Storage, tmp_path: Path
) -> None:
    fill(storage, PatientID="", StudyID="", StudyTime="", SeriesNumber=None, InstanceNumber=None)
    export = plan_export(storage.index, storage.instances, STUDY)
    assert set(export.filled) == {
        "PatientID", "StudyID", "StudyTime", "SeriesNumber", "InstanceNumber",
    }  # fmt: skip
    assert export.dicomdir is not None
    directory = pydicom.dcmread(io.BytesIO(export.dicomdir))
    assert directory.DirectoryRecordSequence[0].PatientID == "UNKNOWN"
    storage.deletions.study(STUDY)
    fill(storage, StudyDate="")
    with pytest.raises(InvalidRequest, match="StudyDate"):
        plan_export(storage.index, storage.instances, STUDY)
    plain = plan_export(storage.index, storage.instances, STUDY, dicomdir=False)
    write_folder(storage.instances, plain, tmp_path / "plain")
    assert len([path for path in (tmp_path / "plain").rglob("*") if path.is_file()]) == 6
    with pytest.raises(InvalidRequest, match="not an empty folder"):
        write_folder(storage.instances, plain, tmp_path / "plain")
    with pytest.raises(NotFound):
        plan_export(storage.index, storage.instances, "1.2.3")


def test_none_is_compared_with_all_before_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 instances took 31 s, and twice as many three times as long."""
    asked = 0
    uid_of = vars(FileInstance)["SOPInstanceUID"].fget

    def counted(instance: FileInstance) -> Any:
        nonlocal asked
        asked += 1
        return uid_of(instance)

    monkeypatch.setattr(FileInstance, "SOPInstanceUID", property(counted))
    number = 40
    for one in range(number):
        attributes: dict[str, Any] = {**WHOLE, "SeriesNumber": 1, "InstanceNumber": one + 1}
        storage.ingest.accept(part10(series="a", instance=str(one), **attributes), "stow")
    assert len(plan_export(storage.index, storage.instances, STUDY).entries) == number
    assert asked < 8 * number
