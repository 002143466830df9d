"""Read answers and files by other means than the node does."""

import warnings
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import httpx
import numpy as np
import pydicom

# Cornerstone's Accept header, to the letter.
CORNERSTONE = "multipart/related; type=application/octet-stream; transfer-syntax=*"
UNCOMPRESSED = 'multipart/related; type="application/octet-stream"'


def parts_of(response: httpx.Response) -> list[Message]:
    """The parts of a multipart answer, read by Python's own MIME parser."""
    assert response.status_code == 200, response.text
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + response.content)
    assert message.get_content_type() == "multipart/related"
    return list(message.walk())[1:]


def bodies_of(response: httpx.Response) -> list[bytes]:
    """The bodies of a multipart answer, cut by the boundary alone."""
    boundary = response.headers["content-type"].partition("boundary=")[2].encode()
    pieces = response.content.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2][:-2] for piece in pieces[1:-1]]


def frames_of(dataset: pydicom.Dataset) -> np.ndarray:
    """pydicom's pixel array with a frame axis."""
    array = dataset.pixel_array
    return array if int(dataset.get("NumberOfFrames") or 1) > 1 else array[np.newaxis]


def read(path: Path) -> pydicom.FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)
