"""The multipart reader, fed in any pieces; the Accept header, in any spelling."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.dicomweb.formats.multipart import MultipartReader, MultipartWriter, parse_content_type
from api.dicomweb.formats.negotiation import choose_instances, parse_accept
from api.dicomweb.retrieval.frame_formats import choose_frames
from api.dicomweb.store.spool import Spool
from api.errors import ApiProblem
from storage.core.errors import InvalidRequest, LimitExceeded

FOLDER = Path(tempfile.gettempdir())
JPEG = "1.2.840.10008.1.2.4.50"
LITTLE = "1.2.840.10008.1.2.1"


def read_in_pieces(message: bytes, boundary: str, sizes: list[int]) -> list[bytes]:
    spool = Spool(FOLDER, 1 << 30)
    reader = MultipartReader(boundary, spool.open_part)
    bodies = []
    position = 0
    while position < len(message):
        size = sizes.pop() if sizes else len(message)
        for part in reader.feed(message[position : position + size]):
            bodies.append(part.body())
        position += size
    assert reader.finished
    spool.close()
    return bodies


@settings(max_examples=200, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=200) | st.sampled_from([b"\r\n", b"--", b"\r\n--b"])),
    sizes=st.lists(st.integers(1, 40)),
)
def test_what_is_written_is_read_whatever_the_pieces(bodies: list[bytes], sizes: list[int]) -> None:
    if not bodies:
        return
    writer = MultipartWriter("application/dicom")
    message = b"".join(writer.part_header("application/dicom", len(b)) + b for b in bodies)
    media_type, parameters = parse_content_type(writer.content_type)
    assert (media_type, parameters["type"]) == ("multipart/related", "application/dicom")
    assert read_in_pieces(message + writer.end, writer.boundary, sizes) == bodies


def test_a_large_part_lies_in_a_file_and_is_the_same(tmp_path: Path) -> None:
    body = bytes(range(256)) * (24 * 1024)
    writer = MultipartWriter("application/dicom")
    message = writer.part_header("application/dicom") + body + writer.end
    spool = Spool(tmp_path / "spool", 1 << 30)
    reader = MultipartReader(writer.boundary, spool.open_part)
    for start in range(0, len(message), 1 << 20):
        for part in reader.feed(message[start : start + (1 << 20)]):
            assert part.body() == b"".join(part.pieces()) == body
    assert reader.finished
    assert list((tmp_path / "spool").iterdir()) == []
    spool.close()


@pytest.mark.parametrize(
    "message",
    [
        b"--b" + b"x" * 20_000,
        b"--b junk\r\n\r\nbody",
        b"--b\r\nContent-Type: " + b"x" * 20_000,
    ],
)
def test_a_malformed_body_is_refused(message: bytes) -> None:
    reader = MultipartReader("b", Spool(FOLDER, 1 << 30).open_part)
    with pytest.raises(InvalidRequest, match="malformed"):
        list(reader.feed(message))


def test_a_part_may_not_exceed_the_limit() -> None:
    reader = MultipartReader("b", Spool(FOLDER, 100).open_part)
    with pytest.raises(LimitExceeded):
        list(reader.feed(b"--b\r\n\r\n" + b"x" * 200 + b"\r\n--b--"))
    reader.close()


@pytest.mark.parametrize(
    ("accept", "media_type", "syntax", "decode", "multipart"),
    [
        # Cornerstone, to the letter
        (
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            *("application/octet-stream", JPEG, False, True),
        ),
        (
            'multipart/related; type="application/octet-stream"',
            *("application/octet-stream", LITTLE, True, True),
        ),
        ('multipart/related; type="*/*"', "image/jpeg", JPEG, False, True),
        ("", "image/jpeg", JPEG, False, True),
        ("*/*", "image/jpeg", JPEG, False, True),
        ('multipart/related;TYPE="image/jpeg"', "image/jpeg", JPEG, False, True),
        ("image/jpeg", "image/jpeg", JPEG, False, False),
        (
            'multipart/related; type="image/jp2", multipart/related; type="image/*";q=0.2',
            *("image/jp2", "1.2.840.10008.1.2.4.90", True, True),
        ),
        (
            "multipart/related; type=image/jpeg;q=0.1,"
            "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
            *("application/octet-stream", LITTLE, True, True),
        ),
    ],
)
def test_accept_decides_how_a_jpeg_frame_leaves(
    accept: str, media_type: str, syntax: str, decode: bool, multipart: bool
) -> None:
    answer = choose_frames(parse_accept(accept), JPEG)
    assert (answer.media_type, answer.transfer_syntax_uid) == (media_type, syntax)
    assert (answer.decode, answer.multipart) == (decode, multipart)


@pytest.mark.parametrize(
    "accept", ["video/mp4", 'multipart/related; type="image/jphc"', "text/html"]
)
def test_what_cannot_be_made_of_a_jpeg_frame_is_refused(accept: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        choose_frames(parse_accept(accept), JPEG)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("accept", "multipart", "syntax"),
    [
        ('multipart/related; type="application/dicom"', True, ""),
        ("application/dicom", False, ""),
        ("application/dicom; transfer-syntax=*", False, ""),
        (f"application/dicom; transfer-syntax={JPEG}", False, ""),
        (f"application/dicom; transfer-syntax={LITTLE}", False, LITTLE),
        ("text/html, */*;q=0.1", True, ""),
    ],
)
def test_accept_decides_how_an_instance_leaves(accept: str, multipart: bool, syntax: str) -> None:
    answer = choose_instances(parse_accept(accept), frozenset({JPEG}))
    assert (answer.multipart, answer.transfer_syntax_uid) == (multipart, syntax)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_accept_header_breaks_the_reading_of_it(text: str) -> None:
    parse_accept(text)
    parse_content_type(text)
