"""A stranger who sends the same image in another encoding has it compared, at a bounded cost."""

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import RLELossless

from storage.dicom.file_meta import read_file_meta
from tests.api.client import part10
from tests.attacks.support import poison
from tests.attacks.support.measured import MIB, Growth, attacked_node
from tests.faults.raw_peer import RawPeer, context

STORED, SET_ASIDE = 0x0000, 0xB000
RISE_BYTES = 120 * MIB

pytestmark = pytest.mark.fault


def send(port: int, dataset: pydicom.Dataset) -> int:
    content = part10(dataset)
    data_set = content[read_file_meta(content).dataset_offset :]
    with RawPeer(port) as peer:
        assert peer.associate([context(1, str(dataset.SOPClassUID), [RLELossless])]) == {1: 0}
        status = peer.store(
            str(dataset.SOPInstanceUID), data_set, sop_class_uid=str(dataset.SOPClassUID)
        )
        peer.release()
    return int(status)


def other_encoding(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """The same pixels, with fragments that end elsewhere."""
    other = pydicom.Dataset()
    other.update(dataset)
    other.file_meta = dataset.file_meta
    frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
    other.PixelData = pydicom.encaps.encapsulate([frame + b"\x80\x80"])
    other["PixelData"].VR = "OB"
    other["PixelData"].is_undefined_length = True
    return other


@pytest.mark.parametrize(("side", "status"), [(512, STORED), (4_096, STORED), (9_984, SET_ASIDE)])
@pytest.mark.slow
def test_comparing_two_encodings_costs_the_receiver_little(
    tmp_path: Path, side: int, status: int
) -> None:
    with attacked_node(tmp_path, {"unknown_peers_may": "store"}) as node:
        # All imports and the decoding processes are there before anything is measured.
        small = poison.rle(256)
        assert send(node.scp.port, small) == STORED
        assert send(node.scp.port, other_encoding(small)) == STORED
        image = poison.rle(side)
        assert send(node.scp.port, image) == STORED
        growth = Growth(node.scp.pid)
        assert send(node.scp.port, other_encoding(image)) == status
        assert growth.bytes < RISE_BYTES
