"""The page of the clinical verification can be made, and every row without a model agrees."""

from pathlib import Path

from benchmarks.verification.__main__ import PAGE, missing_rows, page, write_page
from benchmarks.verification.calibrations import calibration_rows
from benchmarks.verification.phantoms import KINDS, phantom_rows
from benchmarks.verification.rows import Row
from benchmarks.verification.texts import text_rows


def test_all_phantoms_calibrations_and_names_agree(tmp_path: Path) -> None:
    rows = [*phantom_rows(tmp_path), *calibration_rows(), *text_rows(tmp_path)]
    assert [row for row in rows if not row.agrees] == []
    assert {row.input_kind for row in rows if row.subject == "assembled volume"} > set(KINDS)
    # The page that is committed has them, too.
    written = PAGE.read_text("utf-8")
    assert "**no**" not in written
    assert all(row.input_kind.replace("|", "") in written for row in rows)
    assert page(rows).startswith("# Clinical verification")
    assert missing_rows(page(rows), rows) == []


def test_the_page_never_loses_rows(tmp_path: Path) -> None:
    lung = Row("lung", "shared chest CT, 300 slices", "volume", "mL", 4000, 4000, 0.1, "SimpleITK")
    name = Row("name", "A^B|C", "letters", "", 3, 3, 0, "by hand")
    output = tmp_path / "page.md"
    assert write_page([lung, name], output) == []
    whole = output.read_text("utf-8")
    assert write_page([name], output) == ["| lung | shared chest CT, 300 slices | volume"]
    assert output.read_text("utf-8") == whole
    assert write_page([name], tmp_path / "other.md") == []
    assert write_page([name, lung], output) == []


def test_a_number_where_there_must_be_none_does_not_agree() -> None:
    row = Row("calibration", "none", "distance", "mm", None, 1.0, 0.1, "by hand")
    assert not row.agrees
    assert Row("a", "b", "c", "", 100.0, 100.4, 0.005, "x", True).agrees
    assert not Row("a", "b", "c", "", 100.0, 100.6, 0.005, "x", True).agrees
