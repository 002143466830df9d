"""Archives and files that mean harm, or are merely broken."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from api.errors import ApiProblem
from api.uploads.unpack import DicomFile, Limits, Refusal, unpack
from storage.core.errors import InvalidInstance, LimitExceeded
from tests import builders
from tests.api.client import ApiNode, is_problem, part10, png, zipped

LIMITS = Limits(entries=20, ratio=200, total_bytes=300_000_000, instance_bytes=100_000_000)


def instances(count: int) -> list[Dataset]:
    return builders.series(np.ones((count, 4, 4), np.int16), modality="CT", seed=23)


def unpacked(data: bytes, limits: Limits = LIMITS) -> list[DicomFile | Refusal]:
    """Each file is read before the next one is asked for, as intake does."""
    found: list[DicomFile | Refusal] = []
    for one in unpack("sent.zip", io.BytesIO(data), limits):
        try:
            whole = one if isinstance(one, Refusal) else DicomFile(one.name, iter([*one.pieces]))
        except InvalidInstance as error:
            found.append(Refusal(one.name, error.message))
        else:
            found.append(whole)
    return found


def refusals(data: bytes) -> dict[str, str]:
    return {one.name: one.reason for one in unpacked(data) if isinstance(one, Refusal)}


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({"zeros.dcm": bytes(200_000_000)})
    assert len(bomb) < 300_000
    with pytest.raises(LimitExceeded, match="times its size"):
        unpacked(bomb)


def test_a_bomb_of_many_modest_files_is_refused() -> None:
    bomb = zipped({f"{index}.dcm": bytes(15_000_000) for index in range(10)})
    with pytest.raises(LimitExceeded, match="times its size"):
        unpacked(bomb)


def test_a_blank_image_that_compresses_well_is_no_bomb() -> None:
    blank = builders.series(np.zeros((3, 512, 512), np.int16), modality="CT")
    assert len([one for one in unpacked(zipped(blank)) if isinstance(one, DicomFile)]) == 3


def test_a_directory_that_lies_about_sizes_gives_no_more_than_it_says() -> None:
    data = bytearray(zipped({"zeros.dcm": b"\0" * 128 + b"DICM" + bytes(5_000_000)}))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, 5_000)
    assert "damaged" in refusals(bytes(data))["zeros.dcm"]


def test_too_many_files_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="21 files; 20 are allowed"):
        unpacked(zipped({f"{index}.txt": b"x" for index in range(21)}))


def test_a_huge_directory_is_refused_without_reading_it() -> None:
    data = bytearray(zipped({"a.txt": b"x"}))
    struct.pack_into("<L", data, data.rfind(b"PK\x05\x06") + 12, 2_000_000_000)
    with pytest.raises(LimitExceeded, match="directory"):
        unpacked(bytes(data))


def test_what_unpacks_to_too_much_is_refused() -> None:
    small = Limits(entries=20, ratio=200, total_bytes=1000, instance_bytes=10_000)
    with pytest.raises(LimitExceeded, match="2000 bytes; 1000 are allowed"):
        unpacked(zipped({"a": b"x" * 2000}), small)


def test_names_that_climb_out_of_the_folder_are_only_names(api: ApiNode, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    names = ("../../../../etc/cron.d/x", "/etc/passwd", "..\\..\\x", "a/../../b", "C:\\x")
    archive = zipped(dict(zip(names, map(part10, instances(5)), strict=True)))
    started = api.start(api.upload(archive, "climb.zip", "application/zip")).json()
    assert started["instances"]["stored"] == 5
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert not [path for path in new if path.name in ("x", "passwd", "b")]
    assert not Path("/etc/cron.d/x").exists()


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(zipped({"a.dcm": b"x"}))
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ApiProblem) as refused:
        unpacked(bytes(data))
    assert refused.value.code == "archive_encrypted"


@pytest.mark.parametrize("cut", [30, 60, 200])
def test_an_archive_cut_short_is_refused(cut: int) -> None:
    data = zipped(instances(1))
    with pytest.raises(ApiProblem) as refused:
        unpacked(data[:-cut])
    assert refused.value.code == "archive_broken"


def test_each_file_that_is_not_dicom_is_told_by_name() -> None:
    stated = refusals(
        zipped(
            {
                "report.pdf": b"%PDF-1.7 and so on",
                "inner.zip": zipped({"x": b"y"}),
                "photo.png": png(),
                "nothing.dcm": b"",
                "fine.dcm": part10(instances(1)[0]),
            }
        )
    )
    assert set(stated) == {"report.pdf", "inner.zip", "photo.png", "nothing.dcm"}
    assert "inside an archive" in stated["inner.zip"]
    assert "by itself" in stated["photo.png"]
    assert "empty" in stated["nothing.dcm"]


def test_a_damaged_file_does_not_hide_the_others() -> None:
    data = bytearray(
        zipped({f"{index}.dcm": part10(one) for index, one in enumerate(instances(3))})
    )
    at = data.find(b"PK\x03\x04", 10)
    data[at + 60 : at + 90] = bytes(30)
    found = unpacked(bytes(data))
    assert [type(one) for one in found].count(DicomFile) == 2
    assert any(isinstance(one, Refusal) and "damaged" in one.reason for one in found)


def test_a_truncated_instance_is_refused_with_its_reason(api: ApiNode) -> None:
    whole, broken = instances(2)
    archive = zipped({"whole.dcm": part10(whole), "broken.dcm": part10(broken)[:-10]})
    started = api.start(api.upload(archive, "s.zip", "application/zip")).json()
    assert started["instances"]["stored"] == 1
    (refused,) = started["instances"]["refused"]
    assert refused["name"] == "broken.dcm"
    assert len(refused["reason"]) > 20


@pytest.mark.slow
def test_real_odd_files_never_break_the_node(api: ApiNode, shared_data: Path) -> None:
    for path in sorted((shared_data / "odd").iterdir())[:40]:
        answer = api.start(api.upload(path.read_bytes() or b"\0", path.name))
        assert answer.status_code in (202, 409, 422), (path.name, answer.text)
        if answer.status_code == 422:
            assert answer.json()["detail"], path.name


def test_a_stored_member_is_read() -> None:
    (found,) = unpacked(archive_of(zipfile.ZIP_STORED))
    assert isinstance(found, DicomFile)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_inflate_without_bound_are_refused(method: int) -> None:
    with pytest.raises(ApiProblem, match=r"BZIP2|LZMA") as refusal:
        unpacked(archive_of(method))
    assert (refusal.value.status, refusal.value.code) == (422, "archive_compression")


def archive_of(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.dcm", part10(instances(1)[0]))
    return buffer.getvalue()


def test_a_zip_of_nothing_has_nothing_usable(api: ApiNode) -> None:
    answer = api.start(api.upload(zipped({}), "empty.zip", "application/zip"))
    is_problem(answer, 422, "nothing_usable")
