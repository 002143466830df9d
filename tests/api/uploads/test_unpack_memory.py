"""An upload is never in memory whole, however much it inflates to."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from api.uploads.intake import Intake
from storage.container import Storage
from tests import builders
from tests.api.client import part10

_MIB = 1 << 20
_INFLATED_BYTES = 96 * _MIB
_AT_MOST_BYTES = 24 * _MIB


def an_instance() -> bytes:
    (one,) = builders.series(np.ones((1, 512, 512), np.int16), modality="CT", seed=23)
    # Pixels follow one another without end, as in a large multi-frame image.
    one.PixelData = _content()
    return part10(one)


def a_bomb() -> bytes:
    """The prefix of DICOM before what is nothing."""
    return bytes(128) + b"DICM" + _content()


def _content() -> bytes:
    """Compresses by less than what is refused unread."""
    noise = np.random.default_rng(1).bytes(2 * _MIB)
    return noise + bytes(_INFLATED_BYTES - len(noise))


def as_zip(content: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.dcm", content)
    return io.BytesIO(buffer.getvalue())


@pytest.mark.parametrize(("make", "stored"), [(a_bomb, 0), (an_instance, 1)])
def test_what_a_zip_inflates_to_is_not_held_in_memory(
    storage: Storage, make: Callable[[], bytes], stored: int
) -> None:
    sent, intake = as_zip(make()), Intake()
    tracemalloc.start()
    try:
        intake.take(storage.settings, storage.ingest, "a.zip", sent, "upload:1")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (intake.stored, intake.refused_count) == (stored, 1 - stored)
    assert peak_bytes < _AT_MOST_BYTES
