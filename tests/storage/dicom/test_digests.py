"""A data set is known by its digest, whichever of the two algorithms took it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from storage import tables
from storage.container import Storage, open_storage
from storage.db.engine import writing
from storage.dicom.digests import digest_like, digest_of, new_hasher, proves
from storage.dicom.file_meta import read_file_meta
from storage.ingest.instance_stream import SPILL_BYTES
from storage.settings import Settings
from tests.storage.instances import part10


@given(st.binary(max_size=5000), st.integers(0, 5000))
def test_either_digest_proves_the_bytes_and_no_others(data_set: bytes, cut: int) -> None:
    hasher = new_hasher()
    hasher.update(data_set[:cut])
    hasher.update(data_set[cut:])
    assert hasher.digest() == digest_of(data_set)
    for known in (digest_of(data_set).hex(), hashlib.sha256(data_set).hexdigest()):
        assert proves(known, data_set)
        assert not proves(known, data_set + b"\0")
        assert digest_like(known, data_set) == known
    assert digest_like("0" * 64, data_set) == digest_of(data_set).hex()


@pytest.mark.parametrize("size", [12, 3 * SPILL_BYTES], ids=["small", "streamed"])
def test_what_an_older_version_kept_is_a_duplicate_when_it_comes_again(
    storage: Storage, storage_settings: Settings, size: int
) -> None:
    content = part10(PixelData=bytes(size))
    sop_instance_uid = storage.ingest.accept(content, "stow").sop_instance_uid
    data_set = content[read_file_meta(content).dataset_offset :]
    with writing(storage.engine) as connection:
        connection.execute(
            update(tables.instance).values(digest=hashlib.sha256(data_set).hexdigest())
        )
    with open_storage(storage_settings) as restarted:
        stream = restarted.ingest.open_stream("stow")
        stream.write(content)
        assert stream.finish().outcome == "duplicate"
        assert restarted.ingest.accept(content, "stow").outcome == "duplicate"
        other = content[:-1] + bytes([content[-1] ^ 1])
        assert restarted.ingest.accept(other, "stow").outcome == "conflict"
        assert restarted.index.instance(sop_instance_uid).digest != digest_of(data_set).hex()
