"""The node as SCU, towards Orthanc and DCMTK."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.uid import (
    MPEG4HP41,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.peers import Peer, PeerFailed
from dicom_node.scu import SendItem, SendResult, echo, holds, send
from dicom_node.store.outgoing import plan_contexts
from storage.core.errors import InvalidRequest
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.services import free_port, orthanc, storescp

NAMES = ["CT_small", "MR_small_RLE", "emri_small_jpeg_ls_lossless", "JPEG2000", "rtplan"]


def test_a_bit_preserving_peer_receives_the_stored_bytes(tmp_path: Path, shared_data: Path) -> None:
    files = [(shared_data / "odd" / f"{name}.dcm").read_bytes() for name in NAMES]
    with storescp(tmp_path, options=["+xa", "--bit-preserving"]) as peer:
        results = send(
            [item_of(file) for file in files],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        received = {data_set_bytes(file.read_bytes()) for file in peer.files()}
    assert [result.status for result in results] == [0] * len(files)
    assert received == {data_set_bytes(file) for file in files}


def test_orthanc_receives_every_pixel(tmp_path: Path, shared_data: Path) -> None:
    files = [(shared_data / "odd" / f"{name}.dcm").read_bytes() for name in NAMES]
    with orthanc(tmp_path) as pacs:
        results = send(
            [item_of(file) for file in files],
            peer=Peer("ORTHANC", pacs.host, pacs.port),
            calling_ae_title="MEDIVIEW",
        )
        assert [result.status for result in results] == [0] * len(files)
        for file, result in zip(files, results, strict=True):
            part10 = pacs.instance_file(result.sop_instance_uid)
            assert part10 is not None
            held, sent = dcmread(BytesIO(part10)), dcmread(BytesIO(file))
            assert held.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
            assert held.get("PixelData") == sent.get("PixelData")


def test_a_peer_that_takes_implicit_only_gets_uncompressed_instances_converted(
    tmp_path: Path,
) -> None:
    ds = ct_instance(size=32)
    with storescp(tmp_path, options=["+xi"]) as peer:
        (result,) = send(
            [item_of(encoded(ds))],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        (file,) = peer.files()
    received = dcmread(file)
    assert received.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert received.PixelData == ds.PixelData
    assert received.PatientName == ds.PatientName
    assert result.ok


@pytest.mark.parametrize(
    "name", ["MR_small_RLE", "MR_small_jpeg_ls_lossless", "MR_small_jp2klossless", "GH184"]
)
def test_a_peer_without_the_stored_compression_gets_the_pixels_decompressed(
    tmp_path: Path, shared_data: Path, name: str
) -> None:
    part10 = (shared_data / "odd" / f"{name}.dcm").read_bytes()
    with storescp(tmp_path, options=["+xe"]) as peer:
        (result,) = send(
            [item_of(part10)],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        assert result.ok, result.error
        (file,) = peer.files()
    received, original = dcmread(file), dcmread(BytesIO(part10))
    assert received.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert received.SOPInstanceUID == original.SOPInstanceUID
    # DCMTK's and GDCM's decoders, not the one that converted, say what the pixels are.
    reference = SimpleITK.GetArrayFromImage(
        SimpleITK.ReadImage(shared_data / "odd" / f"{name}.dcm")
    )
    sent = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file))
    assert (sent == reference).all()


def test_big_endian_and_deflated_instances_are_converted(tmp_path: Path, shared_data: Path) -> None:
    """Towards a peer that takes neither's syntax."""
    names = ("MR_small_bigendian.dcm", "image_dfl.dcm")
    files = [(shared_data / "odd" / name).read_bytes() for name in names]
    big, deflated = map(item_of, files)
    assert big.transfer_syntax_uid == ExplicitVRBigEndian
    assert deflated.transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    with storescp(tmp_path, options=["+xi"]) as peer:
        results = send(
            [big, deflated],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        assert all(result.ok for result in results)
        received = {ds.SOPInstanceUID: ds for ds in map(dcmread, peer.files())}
    for file in files:
        sent = dcmread(BytesIO(file))
        arrived = received[sent.SOPInstanceUID]
        assert arrived.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert np.array_equal(arrived.pixel_array, sent.pixel_array)


def test_what_cannot_be_converted_says_what_the_peer_would_have_to_accept(tmp_path: Path) -> None:
    """A video, towards a peer that takes none."""
    video = replace(item_of(encoded(ct_instance())), transfer_syntax_uid=MPEG4HP41)
    with storescp(tmp_path, options=["+xi"]) as peer:
        (result,) = send(
            [video], peer=Peer("STORESCP", peer.host, peer.port), calling_ae_title="MEDIVIEW"
        )
    assert result.status is None
    assert "accept" in result.error


def test_a_large_instance_is_sent_in_pieces(tmp_path: Path) -> None:
    ds = ct_instance(size=3000)
    with storescp(tmp_path, options=["+xa", "--bit-preserving"]) as peer:
        (result,) = send(
            [item_of(encoded(ds))],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        assert result.ok
        (file,) = peer.files()
    assert data_set_bytes(file.read_bytes()) == data_set_bytes(encoded(ds))


def test_an_instance_that_breaks_while_it_is_read_does_not_lose_the_rest(tmp_path: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 4_000_000:
                raise OSError("bad sector")
            return super().read(size)

    part10 = encoded(ct_instance(size=3000))
    item = item_of(part10)
    broken = SendItem(
        item.sop_class_uid, item.sop_instance_uid, item.transfer_syntax_uid, lambda: Broken(part10)
    )
    good = item_of(encoded(ct_instance()))
    with storescp(tmp_path) as peer:
        results = send(
            [good, broken, item_of(encoded(ct_instance()))],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].error == "The stored instance cannot be read (OSError)."


def test_an_implicit_instance_reaches_a_peer_that_takes_explicit_only(tmp_path: Path) -> None:
    ds = ct_instance(transfer_syntax_uid=ImplicitVRLittleEndian)
    with storescp(tmp_path, options=["+xe", "-pm"]) as peer:
        (result,) = send(
            [item_of(encoded(ds))],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
        )
        assert result.ok
        received = dcmread(peer.files()[0])
    assert received.PixelData == ds.PixelData


def test_one_unreadable_item_does_not_lose_the_rest(tmp_path: Path) -> None:
    def broken() -> BinaryIO:
        raise OSError("gone")

    instances = [ct_instance() for _ in range(3)]
    items = [item_of(encoded(ds)) for ds in instances]
    items.insert(1, SendItem(CTImageStorage, "1.2.3", ExplicitVRLittleEndian, broken))
    stated: list[SendResult] = []
    with storescp(tmp_path) as peer:
        results = send(
            items,
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
            on_result=stated.append,
        )
        assert len(peer.files()) == 3
    assert [result.ok for result in results] == [True, False, True, True]
    assert "cannot be read" in results[1].error
    assert stated == results


def test_a_peer_that_aborts_gets_the_rest_over_a_new_association(tmp_path: Path) -> None:
    instances = [ct_instance() for _ in range(3)]
    # storescp --abort-after closes the association after the first C-STORE.
    with storescp(tmp_path, options=["--abort-after"]) as peer:
        results = send(
            [item_of(encoded(ds)) for ds in instances],
            peer=Peer("STORESCP", peer.host, peer.port),
            calling_ae_title="MEDIVIEW",
            timeouts=Timeouts(dimse_s=5),
        )
    # DCMTK aborts after receiving, before answering: nothing is ever confirmed.
    assert [result.status for result in results] == [None] * 3
    assert all("broke off" in result.error for result in results)


def test_more_kinds_than_one_association_may_negotiate(node: Node) -> None:
    """A private class each: 90 classes need 180 contexts, more than the 128 of PS3.8."""
    instances = [
        ct_instance(size=4, sop_class_uid=f"1.2.826.0.1.3680043.9.9999.{n}") for n in range(90)
    ]
    items = [item_of(encoded(ds)) for ds in instances]
    batches = list(plan_contexts(list(enumerate(items))))
    assert len(batches) == 2
    assert all(len(batch.contexts) <= 128 for batch in batches)
    results = send(items, peer=node.peer, calling_ae_title="MANY")
    assert all(result.ok for result in results)
    assert node.instance_count == 90


def test_a_peer_that_is_down_is_an_answer_not_an_exception() -> None:
    peer = Peer("NOBODY", "127.0.0.1", free_port())
    (result,) = send([item_of(encoded(ct_instance()))], peer=peer, calling_ae_title="MEDIVIEW")
    assert result.status is None
    assert result.error == f"NOBODY@127.0.0.1:{peer.port} cannot be reached: Connection refused."
    answer = echo(peer, "MEDIVIEW")
    assert not answer.ok
    assert "Connection refused" in answer.error


def test_an_unknown_host_is_named(tmp_path: Path) -> None:
    answer = echo(Peer("PACS", "pacs.invalid", 104), "MEDIVIEW")
    assert not answer.ok
    assert "pacs.invalid" in answer.error


def test_a_rejection_gives_the_standard_s_reason(tmp_path: Path) -> None:
    with orthanc(tmp_path, options={"DicomCheckCalledAet": True}) as pacs:
        answer = echo(Peer("WRONG", pacs.host, pacs.port), "MEDIVIEW")
    assert not answer.ok
    assert "rejected the association" in answer.error


def test_orthanc_answers_an_echo(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        answer = echo(Peer("ORTHANC", pacs.host, pacs.port), "MEDIVIEW")
    assert answer.ok
    assert answer.status == 0
    assert 0 < answer.seconds < 10


def test_orthanc_proves_which_instances_it_holds(tmp_path: Path) -> None:
    study, series = generate_uid(), generate_uid()
    sent = [ct_instance(study_instance_uid=study, series_instance_uid=series) for _ in range(3)]
    uids = [str(ds.SOPInstanceUID) for ds in sent]
    with orthanc(tmp_path) as pacs:
        peer = Peer("ORTHANC", pacs.host, pacs.port)
        send([item_of(encoded(ds)) for ds in sent[:2]], peer=peer, calling_ae_title="MEDIVIEW")
        assert holds(peer, "MEDIVIEW", study, series, uids) == set(uids[:2])
        assert holds(peer, "MEDIVIEW", study, series, uids[:1]) == set(uids[:1])
        assert holds(peer, "MEDIVIEW", study, series, uids[2:]) == set()


def test_a_peer_that_cannot_be_asked_what_it_holds_says_so(tmp_path: Path) -> None:
    with storescp(tmp_path) as peer, pytest.raises(PeerFailed, match="accepted none"):
        holds(Peer("STORESCP", peer.host, peer.port), "MEDIVIEW", "1.2", "1.3", ["1.4"])


def test_a_peer_s_address_is_written_in_one_way() -> None:
    assert Peer.parse("PACS@10.0.0.5:104") == Peer("PACS", "10.0.0.5", 104)
    assert str(Peer("PACS", "::1", 104)) == "PACS@[::1]:104"
    with pytest.raises(InvalidRequest, match="not the address"):
        Peer.parse("10.0.0.5:104")
