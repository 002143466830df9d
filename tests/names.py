"""Names as senders encode them: one or more for each defined term of PS3.3 C.12.1.1.2."""

import json
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.dicom.file_meta import make_file_meta
from tests.services import tool

ESC = b"\x1b"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_EXPLICIT_VR = "1.2.840.10008.1.2.1"
_LONG_VRS = (b"UT", b"UC", b"UR")


def ir(number: int, text: str) -> bytes:
    """Text invoked by the escape sequence of an ISO registration number, without the way back."""
    sequence, codec = {
        13: (b")I", "shift_jis"),
        58: (b"$)A", "gb2312"),
        87: (b"$B", "euc_jp"),
        100: (b"-A", "latin_1"),
        101: (b"-B", "iso8859_2"),
        109: (b"-C", "iso8859_3"),
        110: (b"-D", "iso8859_4"),
        126: (b"-F", "iso8859_7"),
        127: (b"-G", "iso8859_6"),
        138: (b"-H", "iso8859_8"),
        144: (b"-L", "iso8859_5"),
        148: (b"-M", "iso8859_9"),
        149: (b"$)C", "euc_kr"),
        159: (b"$(D", "euc_jp"),
        166: (b"-T", "tis_620"),
        203: (b"-b", "iso8859_15"),
    }[number]
    value = text.encode(codec)
    if number == 159:
        value = value.replace(b"\x8f", b"")
    if number in (87, 159):
        value = bytes(byte & 0x7F for byte in value)
    return ESC + sequence + value


ASCII, ROMAJI = ESC + b"(B", ESC + b"(J"


@dataclass(frozen=True)
class EncodedName:
    character_set: str
    value: bytes
    text: str


def _groups(*groups: Sequence[bytes]) -> bytes:
    return b"=".join(b"^".join(group) for group in groups)


NAMES = (
    # PS3.5 annexes H, I, J and K, and one more of each kind.
    EncodedName(
        "\\ISO 2022 IR 87",
        _groups(
            (b"Yamada", b"Tarou"),
            (ir(87, "山田") + ASCII, ir(87, "太郎") + ASCII),
            (ir(87, "やまだ") + ASCII, ir(87, "たろう") + ASCII),
        ),
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    EncodedName(
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        _groups(
            ("ﾔﾏﾀﾞ".encode("shift_jis"), "ﾀﾛｳ".encode("shift_jis")),
            (ir(87, "山田") + ROMAJI, ir(87, "太郎") + ROMAJI),
            (ir(87, "やまだ") + ROMAJI, ir(87, "たろう") + ROMAJI),
        ),
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    # A character whose first byte is that of "=", and one whose second is that of "^".
    EncodedName(
        "\\ISO 2022 IR 87",
        _groups((b"Yamada", b"Hideki"), (ir(87, "秀樹") + ASCII, ir(87, "僖") + ASCII)),
        "Yamada^Hideki=秀樹^僖",
    ),
    EncodedName(
        "\\ISO 2022 IR 87\\ISO 2022 IR 159",
        _groups((b"A", b"B"), (ir(87, "山") + ir(159, "丂") + ASCII, ir(159, "丄") + ASCII)),
        "A^B=山丂^丄",
    ),
    EncodedName(
        "\\ISO 2022 IR 149",
        _groups(
            (b"Hong", b"Gildong"),
            (ir(149, "洪"), ir(149, "吉洞")),
            (ir(149, "홍"), ir(149, "길동")),
        ),
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    EncodedName(
        "\\ISO 2022 IR 58",
        _groups((b"Zhang", b"XiaoDong"), (ir(58, "张"), ir(58, "小东")), (b"",)),
        "Zhang^XiaoDong=张^小东",
    ),
    EncodedName(
        "ISO 2022 IR 100\\ISO 2022 IR 58",
        _groups(("Müller".encode("latin_1"), b"Wei"), (ir(58, "王"), ir(58, "伟"))),
        "Müller^Wei=王^伟",
    ),
    EncodedName(
        "\\ISO 2022 IR 166",
        _groups((b"Somchai", b"D"), (ir(166, "สมชาย"), ir(166, "ใจดี"))),
        "Somchai^D=สมชาย^ใจดี",
    ),
    EncodedName(
        "ISO 2022 IR 6\\ISO 2022 IR 127",
        _groups((b"Qabbani", b"N"), (ir(127, "قباني"), ir(127, "لنزار"))),
        "Qabbani^N=قباني^لنزار",
    ),
    EncodedName(
        "\\ISO 2022 IR 138",
        _groups((b"Sharon", b"D"), (ir(138, "שרון"), ir(138, "דבורה"))),
        "Sharon^D=שרון^דבורה",
    ),
    # Cyrillic and Greek in one name, and what follows a delimiter is Latin-1 again.
    EncodedName(
        "ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126",
        _groups(
            ("Ärzte".encode("latin_1"), b"I"),
            (ir(144, "Иван") + ir(126, "Διο"), "é".encode("latin_1")),
        ),
        "Ärzte^I=ИванΔιο^é",
    ),
    *(
        EncodedName(f"\\ISO 2022 IR {number}", _groups((b"A", ir(number, text))), f"A^{text}")
        for number, text in (
            (13, "ﾔﾏﾀﾞ"),
            (100, "Müller"),
            (101, "Łódź"),
            (109, "Ĉarlo"),
            (110, "Ķēniņš"),
            (126, "Διονυσιος"),
            (144, "Иван"),
            (148, "Şükrü"),
            (203, "Šœur€"),
        )
    ),
    EncodedName("ISO_IR 144", "Люксембург^И".encode("iso8859_5"), "Люксембург^И"),
    EncodedName("ISO_IR 126", "Διονυσιος".encode("iso8859_7"), "Διονυσιος"),
    EncodedName("ISO_IR 127", "قباني^لنزار".encode("iso8859_6"), "قباني^لنزار"),
    EncodedName("ISO_IR 138", "שרון^דבורה".encode("iso8859_8"), "שרון^דבורה"),
    EncodedName("ISO_IR 166", "สมชาย^ใจดี".encode("tis_620"), "สมชาย^ใจดี"),
    EncodedName("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift_jis"), "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    EncodedName("ISO_IR 203", "Šœur^€".encode("iso8859_15"), "Šœur^€"),
    EncodedName("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    EncodedName("GBK", "Wang^XiaoDong=王^小東".encode("gbk"), "Wang^XiaoDong=王^小東"),
    EncodedName("ISO_IR 192", "Wang^Jérôme=王^小東".encode(), "Wang^Jérôme=王^小東"),
)


def named_file(
    character_set: str,
    *,
    name: bytes = b"",
    description: bytes = b"",
    text: bytes = b"",
    uid: str = "1.2.840.99.1",
) -> bytes:
    """A part 10 file whose text elements are these bytes; it has no pixels."""
    elements = (
        (0x00080005, b"CS", character_set.encode()),
        (0x00080016, b"UI", _SECONDARY_CAPTURE.encode()),
        (0x00080018, b"UI", f"{uid}.3".encode()),
        (0x00080020, b"DA", b"20260131"),
        (0x00080060, b"CS", b"OT"),
        (0x00081030, b"LO", description),
        (0x00100010, b"PN", name),
        (0x00100020, b"LO", uid.encode()),
        (0x0020000D, b"UI", f"{uid}.1".encode()),
        (0x0020000E, b"UI", f"{uid}.2".encode()),
        (0x0040A160, b"UT", text),
    )
    data = b"".join(_element(*one) for one in elements)
    return make_file_meta(_SECONDARY_CAPTURE, f"{uid}.3", _EXPLICIT_VR) + data


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    padded = value + (b"" if len(value) % 2 == 0 else b"\0" if vr == b"UI" else b" ")
    if vr in _LONG_VRS:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(padded)) + padded
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(padded)) + padded


def by_dcmtk(path: Path) -> dict[str, str]:
    """The text of a file by tag, as DCMTK converts it to UTF-8; a name as one text."""
    converted = path.with_suffix(".utf8.dcm")
    subprocess.run(
        [tool("dcmconv", "dcmtk"), "+U8", path, converted], check=True, capture_output=True
    )
    answer = subprocess.run([tool("dcm2json", "dcmtk"), converted], check=True, capture_output=True)
    texts = {}
    for tag, element in json.loads(answer.stdout).items():
        for value in element.get("Value", ()):
            if isinstance(value, dict) and element["vr"] == "PN":
                groups = (value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic"))
                texts[tag] = "=".join(groups).rstrip("=")
            elif isinstance(value, str):
                texts[tag] = value
    return texts
