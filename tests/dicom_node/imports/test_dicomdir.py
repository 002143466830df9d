"""A DICOMDIR from a stranger's medium is compared in time and memory by what the medium holds."""

import os
import struct
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from dicom_node.archives.receiving import Receiving
from dicom_node.imports import dicomdir, directory_records
from tests.dicom_node.imports.test_without_end import refusing

_SYNTAX = "1.2.840.10008.1.2.1"


def element(tag: int, vr: str, value: bytes) -> bytes:
    value += b"" if len(value) % 2 == 0 else b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    long = vr in ("SQ", "OB")
    return head + struct.pack("<HI" if long else "<H", *((0,) if long else ()), len(value)) + value


def record(name: str, uid: str = "1.2.3", flag: int = 0xFFFF, extra: bytes = b"") -> bytes:
    return b"".join(
        (
            element(0x00041410, "US", struct.pack("<H", flag)),
            element(0x00041430, "CS", b"IMAGE"),
            element(0x00041500, "CS", name.encode("latin-1")),
            element(0x00041511, "UI", uid.encode()),
            extra,
        )
    )


def directory(records: Iterable[bytes], *, undefined: bool = False) -> bytes:
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) if undefined else b""
    items = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF if undefined else len(one)) + one + end
        for one in records
    )
    syntax = element(0x00020010, "UI", _SYNTAX.encode())
    meta = element(0x00020000, "UL", struct.pack("<I", len(syntax))) + syntax
    sequence = element(0x00041220, "SQ", items)
    if undefined:
        sequence = struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, 0xFFFFFFFF)
        sequence += items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return b"\0" * 128 + b"DICM" + meta + sequence


def compared(folder: Path, content: bytes) -> Sequence[tuple[str, str]]:
    (folder / "DICOMDIR").write_bytes(content)
    found: Receiving = refusing()
    dicomdir.compare(folder / "DICOMDIR", folder, found)
    return found.counts.refused


def part10(uid: str, filler: int = 0) -> bytes:
    before = element(0x00020001, "OB", b"\0" * filler)
    uids = element(0x00020003, "UI", uid.encode()) + element(0x00020010, "UI", _SYNTAX.encode())
    return b"\0" * 128 + b"DICM" + before + uids


@pytest.mark.parametrize("are_there", [True, False])
def test_twice_the_records_take_twice_the_time(tmp_path: Path, are_there: bool) -> None:
    """As on a system that shows names in small letters: each was looked for among all others."""

    def seconds(count: int) -> float:
        folder = tmp_path / str(count)
        (folder / "IMAGES").mkdir(parents=True)
        for number in range(count):
            (folder / "IMAGES" / f"{'i' if are_there else 'j'}{number}").touch()
        content = directory(record(f"IMAGES\\I{number}") for number in range(count))
        begun = time.process_time()
        refused = compared(folder, content)
        assert bool(refused) is not are_there
        return time.process_time() - begun

    seconds(100)
    assert seconds(4000) < 3.2 * seconds(2000)


def test_a_file_that_is_listed_again_and_again_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100,000 records about one file of 1 MiB of meta information read 100 GB."""
    (tmp_path / "A").write_bytes(part10("1.2.3", filler=900_000))
    opened = []
    true_open = Path.open

    def counted(path: Path, *more: object, **named: object) -> object:
        opened.append(path.name)
        return true_open(path, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", counted)
    refused = compared(tmp_path, directory(record("A", f"1.2.{n}") for n in range(3000)))
    assert opened.count("A") == 1
    # All but 1.2.3; a thousand of them by name, the rest by their number.
    assert len(refused) == 1001
    assert refused[-1] == (
        "DICOMDIR",
        "It lists 1999 more files that are not there, or are others.",
    )


def test_records_of_many_small_elements_take_little_memory() -> None:
    """pydicom took a kilobyte for each of them: some gigabytes for 32 MiB."""
    filler = element(0x00090010, "LO", b"AB") * 5_000
    content = directory([record(f"A{number}", extra=filler) for number in range(4)])
    tracemalloc.start()
    try:
        assert len(list(directory_records.listed_files(content))) == 4
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < len(content) / 2


def test_more_records_than_a_medium_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_records, "_MOST_RECORDS", 5)
    (tmp_path / "A").write_bytes(part10("1.2.3"))
    assert not compared(tmp_path, directory([record("A")] * 5))
    ((name, reason),) = compared(tmp_path, directory([record("A")] * 6))
    assert name == "DICOMDIR"
    assert reason == "It has more than 5 records: what the others list is unknown."


def test_more_files_than_names_are_kept_of_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomdir, "_MOST_NAMES", 3)
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).touch()
    ((_, reason),) = compared(tmp_path, directory([record("A")]))
    assert "hold more than 3 files" in reason


def test_what_a_link_leads_to_outside_is_not_read(tmp_path: Path) -> None:
    """Its UID would be compared, which says whether a file out there is an instance."""
    medium = tmp_path / "medium"
    medium.mkdir()
    (tmp_path / "other").write_bytes(part10("1.2.9"))
    (medium / "OUT").symlink_to(tmp_path / "other")
    (medium / "IN").write_bytes(part10("1.2.9"))
    os.mkfifo(medium / "PIPE")
    refused = compared(medium, directory([record("OUT"), record("IN"), record("PIPE")]))
    assert [name for name, _ in refused] == ["IN", "PIPE"]


@pytest.mark.parametrize("undefined", [False, True])
def test_records_are_read_as_they_are_written(tmp_path: Path, undefined: bool) -> None:
    folder = tmp_path / "SUB"
    folder.mkdir()
    (folder / "here").write_bytes(part10("1.2.3"))
    (folder / "I1.dcm").write_bytes(part10("1.2.4"))
    records = [
        record("SUB\\HERE "),
        record("SUB\\I1", "1.2.4"),
        record("SUB\\GONE", flag=0),
        record("SUB\\..\\..\\etc"),
        record("/etc/passwd"),
        record(""),
        record("SUB\\LOST"),
    ]
    refused = compared(tmp_path, directory(records, undefined=undefined))
    assert refused == [("SUB/LOST", "DICOMDIR lists it, and it is not there.")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        directory([])[:-30],
        directory([record("A")])[:-7],
        b"\0" * 128 + b"DICM" + element(0x00020010, "UI", b"1.2.840.10008.1.2.1.99") + b"\x03\0",
    ],
)
def test_what_is_cut_off_is_named(tmp_path: Path, content: bytes) -> None:
    refused = compared(tmp_path, content)
    assert refused[-1][0] == "DICOMDIR"
    assert "cannot be read as a DICOMDIR" in refused[-1][1]
