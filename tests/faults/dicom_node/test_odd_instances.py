"""Every odd instance of the shared data, sent as the bytes it has, and what becomes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from dicom_node.network.command_set import decode_command
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.raw_peer import RawPeer, context
from tests.migrated import upgrade

STORED, SET_ASIDE, NOT_UNDERSTOOD = 0x0000, 0xB000, 0xC000

# Without File Meta Information the file does not say its transfer syntax; a sender would know.
WITHOUT_META = {
    "ExplVR_BigEndNoMeta.dcm": ExplicitVRBigEndian,
    "ExplVR_LitEndNoMeta.dcm": ExplicitVRLittleEndian,
    "meta_missing_tsyntax.dcm": ImplicitVRLittleEndian,
    "no_meta.dcm": ImplicitVRLittleEndian,
    "rtstruct.dcm": ImplicitVRLittleEndian,
}
# An instance is found by its UIDs: without them it cannot be kept.
LACKS_UIDS = frozenset(
    "HTJ2KLossless_08_RGB.dcm JLSL_RGB_ILV1.dcm JPEGLSNearLossless_16.dcm SC_rgb_jls_lossy_line.dcm"
    " UN_sequence.dcm empty_charset_LEI.dcm meta_missing_tsyntax.dcm nested_priv_SQ.dcm no_meta.dcm"
    " no_meta_group_length.dcm priv_SQ.dcm chrSQEncoding.dcm chrSQEncoding1.dcm".split()
)
CUT_OFF = frozenset({"MR_truncated.dcm", "rtplan_truncated.dcm"})
REFUSED = LACKS_UIDS | CUT_OFF
# Another one's attributes and pixels without loss, in another encoding: nothing to be decided.
RE_ENCODED = frozenset(
    "ExplVR_LitEndNoMeta.dcm MR_small_RLE.dcm MR_small_bigendian.dcm MR_small_implicit.dcm"
    " MR_small_jp2klossless.dcm MR_small_jpeg_ls_lossless.dcm MR_small_padded.dcm"
    " SC_rgb_small_odd_big_endian.dcm emri_small_jpeg_ls_lossless.dcm liver_expb_1frame.dcm"
    " chrJapMultiExplicitIR6.dcm".split()
)


@dataclass(frozen=True)
class OddFile:
    name: str
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    data_set: bytes

    @classmethod
    def read(cls, path: Path) -> "OddFile":
        """The data set's bytes as pydicom finds them, not as the node's own reader does."""
        file = BytesIO(path.read_bytes())
        read_preamble(file, force=True)
        meta = _read_file_meta_info(file)
        header = dcmread(path, force=True, stop_before_pixels=True)
        return cls(
            path.name,
            str(meta.get("TransferSyntaxUID") or WITHOUT_META[path.name]),
            str(header.get("SOPClassUID") or SecondaryCaptureImageStorage),
            str(header.get("SOPInstanceUID") or "1.2.3.4"),
            file.read(),
        )


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    settings = node_settings(folder)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


def sent(port: int, file: OddFile) -> tuple[int, str]:
    """The status and error comment that a file's data set is answered with."""
    with RawPeer(port) as peer:
        contexts = [context(1, file.sop_class_uid, [file.transfer_syntax_uid])]
        assert peer.associate(contexts) == {1: 0}
        answer = peer.store_answer(
            file.sop_instance_uid, file.data_set, sop_class_uid=file.sop_class_uid
        )
        peer.release()
    command = decode_command(answer)
    assert command.status is not None
    return command.status, comment_of(answer)


def comment_of(command: bytes) -> str:
    at = command.find(b"\x00\x00\x02\x09")
    length = int.from_bytes(command[at + 4 : at + 8], "little") if at >= 0 else 0
    return command[at + 8 : at + 8 + length].decode().strip()


@pytest.mark.parametrize("folder", ["odd", "charsets"])
@pytest.mark.slow
def test_odd_instances_come_back_byte_for_byte_or_are_refused_with_a_reason(
    shared_data: Path, tmp_path: Path, folder: str
) -> None:
    files = [OddFile.read(path) for path in sorted((shared_data / folder).iterdir())]
    first: dict[str, OddFile] = {}
    expected: dict[str, int] = {}
    answered: dict[str, int] = {}
    with running_node(tmp_path) as node:
        for file in files:
            if file.name in REFUSED:
                expected[file.name] = NOT_UNDERSTOOD
            else:
                # Several of one image share its UID: the first is kept.
                kept = first.setdefault(file.sop_instance_uid, file)
                same = kept.data_set == file.data_set or file.name in RE_ENCODED
                expected[file.name] = STORED if same else SET_ASIDE
            answered[file.name], comment = sent(node.port, file)
            assert bool(comment) == (answered[file.name] != STORED)
        assert answered == expected
        for file in first.values():
            assert node.data_set(file.sop_instance_uid) == file.data_set, file.name
            kept = node.storage.index.instance(file.sop_instance_uid)
            assert kept.transfer_syntax_uid == file.transfer_syntax_uid
        assert node.instance_count == len(first)
