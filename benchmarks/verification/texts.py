"""Names in each character set, beside DCMTK's reading of the same files."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.verification.rows import Row
from storage.dicom.part10 import read_header
from tests.names import NAMES, by_dcmtk, named_file


def text_rows(folder: Path) -> Iterator[Row]:
    """Nothing without DCMTK. By character set: how many names are read alike."""
    if shutil.which("dcmconv") is None:
        return
    by_set: dict[str, list[bool]] = {}
    for number, name in enumerate(NAMES):
        data = named_file(name.character_set, name=name.value)
        path = folder / f"{number}.dcm"
        path.write_bytes(data)
        alike = read_header(data).text("PatientName") == by_dcmtk(path)["00100010"]
        by_set.setdefault(name.character_set, []).append(alike)
    for character_set, read in by_set.items():
        shown = character_set.replace("\\", " \\ ").strip() or "none"
        yield Row("names", shown, "names read alike", "", float(len(read)), float(sum(read)), 0,
                  "DCMTK (dcmconv +U8)")  # fmt: skip
