"""Text in every character set of PS3.3 C.12.1.1.2 reads as DCMTK reads it."""

import io
from pathlib import Path

import pytest

from storage.core.text.character_sets import decode_value
from storage.dicom.dataset_reader import read_part10
from storage.dicom.part10 import read_header
from tests.names import ASCII, ESC, NAMES, EncodedName, by_dcmtk, ir, named_file
from tests.shared import shared_folder

# DCMTK's table has U+2014 for JIS 0x213D, that of the Unicode Consortium (JIS0208.TXT), which
# Python follows, U+2015.
HORIZONTAL_BAR, EM_DASH = "\u2015", "\u2014"


@pytest.mark.parametrize("name", NAMES, ids=lambda one: f"{one.character_set}-{one.text}")
def test_a_name_reads_as_dcmtk_reads_it(name: EncodedName, tmp_path: Path) -> None:
    data = named_file(name.character_set, name=name.value)
    path = tmp_path / "named.dcm"
    path.write_bytes(data)
    assert by_dcmtk(path)["00100010"] == name.text
    assert read_header(data).text("PatientName") == name.text
    assert str(read_part10(io.BytesIO(data)).PatientName) == name.text


@pytest.mark.parametrize(
    ("number", "high", "back"), [(58, 0x80, b""), (87, 0, ASCII), (149, 0x80, b""), (159, 0, ASCII)]
)
def test_every_two_byte_character_reads_as_dcmtk_reads_it(
    number: int, high: int, back: bytes, tmp_path: Path
) -> None:
    term = f"\\ISO 2022 IR {number}"
    invoke = ir(number, "")
    lines, count = [], 0
    for row in range(0x21 | high, 0x7F | high):
        pairs = [bytes((row, column)) for column in range(0x21 | high, 0x7F | high)]
        assigned = [p for p in pairs if "\ufffd" not in decode_value(invoke + p + back, term, "UT")]
        count += len(assigned)
        if assigned:
            lines.append(invoke + b"".join(assigned) + back)
    assert count == {58: 7445, 87: 6879, 149: 8225, 159: 6067}[number]
    data = named_file(term, text=b"\r\n".join(lines))
    path = tmp_path / "all.dcm"
    path.write_bytes(data)
    theirs = by_dcmtk(path)["0040A160"].replace(EM_DASH, HORIZONTAL_BAR)
    ours = str(read_part10(io.BytesIO(data)).TextValue)
    assert ours.replace(EM_DASH, HORIZONTAL_BAR) == theirs


@pytest.mark.parametrize("number", [13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203])
@pytest.mark.parametrize("is_extension", [False, True])
def test_every_one_byte_character_reads_as_dcmtk_reads_it(
    number: int, is_extension: bool, tmp_path: Path
) -> None:
    alone = f"ISO_IR {number}"
    term = f"\\ISO 2022 IR {number}" if is_extension else alone
    start = ir(number, "") if is_extension else b""
    characters = (bytes((byte,)) for byte in range(0xA1, 0xFF))
    assigned = b"".join(c for c in characters if "\ufffd" not in decode_value(c, alone, "UT"))
    # A backslash and a tilde in the first half: a yen sign and an overline in ISO_IR 13 alone.
    data = named_file(term, text=b"A\\~z" + start + assigned)
    path = tmp_path / "all.dcm"
    path.write_bytes(data)
    ours = str(read_part10(io.BytesIO(data)).TextValue)
    assert ours == by_dcmtk(path)["0040A160"]
    assert ("¥‾" in ours) == (number == 13 and not is_extension)


@pytest.mark.filterwarnings("ignore:.*Specific Character Set:UserWarning")
@pytest.mark.parametrize(
    ("character_set", "value", "text"),
    [
        # The sets of the start are back after the delimiters of a name and of a list, and a line.
        ("ISO 2022 IR 100\\ISO 2022 IR 144", ir(144, "Ив") + b"^\xe9=\xe9\\\xe9", "Ив^é=é\\é"),
        ("\\ISO 2022 IR 58", ir(58, "王") + b"\r\n" + ir(58, "伟"), "王\r\n伟"),
        # The same set again, as the standard asks for in each component.
        ("\\ISO 2022 IR 58", ir(58, "王") + ir(58, "伟"), "王伟"),
        # A sender that names the set alone, or forgets to name it, or to return to ASCII.
        ("ISO 2022 IR 149", "김희중".encode("euc_kr"), "김희중"),
        ("ISO 2022 IR 149", ir(149, "김희중"), "김희중"),
        ("", ir(87, "山田") + ASCII, "山田"),
        ("\\ISO 2022 IR 87", ir(87, "山田") + b"^" + ir(87, "太郎"), "山田^太郎"),
        # Spelled otherwise.
        ("ISO-IR 144", "Ив".encode("iso8859_5"), "Ив"),
        ("ISO_IR_100", b"M\xfcller", "Müller"),
        ("UTF-8", "王".encode(), "王"),
        # Not text of the set: said so, nothing lost beside.
        ("\\ISO 2022 IR 58", ESC + b"$)A\xff\xff^" + ir(58, "王"), "\ufffd^王"),
        ("ISO_IR 192", b"A\xe9B", "A\ufffdB"),
        ("", b"A" + ESC + b"%GB", "A%GB"),
    ],
)
def test_awkward_text(character_set: str, value: bytes, text: str) -> None:
    ours = decode_value(value, character_set, "PN")
    assert ours.replace("\ufffd\ufffd", "\ufffd") == text
    read = read_part10(io.BytesIO(named_file(character_set, name=value)))
    names = read["PatientName"].value
    joined = "\\".join(map(str, names)) if read["PatientName"].VM > 1 else str(names)
    assert joined.replace("\ufffd\ufffd", "\ufffd") == text


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_shared_files_read_as_dcmtk_reads_them(tmp_path: Path) -> None:
    names = {}
    for path in sorted(shared_folder("data/charsets").glob("chr*.dcm")):
        if path.name.startswith("chrSQ"):  # without a name, and DCMTK refuses both
            continue
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        names[path.name] = read_header(path.read_bytes()).text("PatientName")
        assert names[path.name] == by_dcmtk(copy)["00100010"], path.name
    assert len(names) == 15
