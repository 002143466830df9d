"""Instances come in by C-STORE from other people's software, and stay as they were sent."""

from collections import Counter
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import CTImageStorage

from dicom_node import scu
from dicom_node.scu import send
from dicom_node.status import describe
from tests.dicom_node.builders import (
    ct_instance,
    data_set_bytes,
    dcmtk,
    encoded,
    item_of,
    storescu,
    write,
)
from tests.dicom_node.conftest import Node
from tests.storage.dicom.test_offending_element import with_broken_private_element


def test_echoscu_is_answered(node: Node) -> None:
    answer = dcmtk("echoscu", "-v", "-aec", "MEDIVIEW", "127.0.0.1", str(node.port))
    assert answer.returncode == 0
    assert "Received Echo Response (Success)" in answer.stderr


def test_storescu_sends_a_folder_and_every_pixel_arrives(node: Node, tmp_path: Path) -> None:
    study, series = ct_instance().StudyInstanceUID, ct_instance().SeriesInstanceUID
    sent = [
        ct_instance(study_instance_uid=study, series_instance_uid=series, seed=n, instance_number=n)
        for n in range(1, 13)
    ]
    folder = tmp_path / "study"
    folder.mkdir()
    for ds in sent:
        write(ds, folder / f"{ds.InstanceNumber}.dcm")

    answer = storescu(node.port, [folder], "+sd")

    assert answer.returncode == 0, answer.stderr
    stored = node.storage.index.instances_of(study, series)
    assert [instance.instance_number for instance in stored] == list(range(1, 13))
    assert {instance.source for instance in stored} == {"dimse:STORESCU"}
    for ds in sent:
        kept = node.storage.instances.dataset(node.storage.index.instance(ds.SOPInstanceUID))
        assert kept.PixelData == ds.PixelData


def test_dcmsend_delivers_many_syntaxes_in_one_association(node: Node, shared_data: Path) -> None:
    names = ["CT_small", "MR_small_RLE", "emri_small_jpeg_ls_lossless", "JPEG2000", "image_dfl"]
    files = [shared_data / "odd" / f"{name}.dcm" for name in names]

    answer = dcmtk("dcmsend", "-v", "-aec", "MEDIVIEW", "127.0.0.1", str(node.port), *files)

    assert answer.returncode == 0, answer.stderr + answer.stdout
    for file in files:
        instance = node.instance(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
        assert instance is not None
        assert instance.transfer_syntax_uid == dcmread(file).file_meta.TransferSyntaxUID


def test_pynetdicom_sends_and_the_data_set_is_kept_byte_for_byte(
    node: Node, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With this setting pynetdicom sends the file's bytes as they stand.
    monkeypatch.setattr("pynetdicom._config.STORE_SEND_CHUNKED_DATASET", True)
    file = shared_data / "odd" / "CT_small.dcm"
    ae = AE("PYNETDICOM")
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    assert association.is_established
    try:
        status = association.send_c_store(file)
    finally:
        association.release()

    assert status.Status == 0x0000
    kept = node.instance(dcmread(file).SOPInstanceUID)
    assert kept is not None
    assert kept.source == "dimse:PYNETDICOM"
    assert node.data_set(kept.sop_instance_uid) == data_set_bytes(file.read_bytes())


@pytest.mark.parametrize("folder", ["odd", "charsets", "seg_sr", "wsi", "phi_burned_in"])
def test_odd_instances_are_kept_byte_for_byte_or_refused_with_a_status(
    node: Node, shared_data: Path, folder: str
) -> None:
    """Every kind of instance at hand, each in the transfer syntax of its file."""
    outcomes: Counter[str] = Counter()
    first: dict[str, bytes] = {}
    for file in sorted((shared_data / folder).rglob("*")):
        part10 = file.read_bytes() if file.is_file() else b""
        try:
            item = item_of(part10)
        except (AttributeError, InvalidDicomError):
            continue  # without file meta there is nothing by which to send it
        (result,) = send([item], peer=node.peer, calling_ae_title="ODD")
        if result.status == 0x0000:
            data_set = first.setdefault(item.sop_instance_uid, data_set_bytes(part10))
            assert node.data_set(item.sop_instance_uid) == data_set, file.name
            outcomes["stored"] += 1
        elif result.status == 0xB000:
            # Re-encodings of one image share its UID: the first is kept.
            assert item.sop_instance_uid in first
            outcomes["set aside"] += 1
        else:
            assert result.status is not None, f"{file.name}: {result.error}"
            assert describe(result.status) in result.error
            outcomes["refused"] += 1
    assert outcomes["stored"] > outcomes["refused"]


@pytest.mark.parametrize(
    "transfer_syntax_uid",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGBaseline8Bit,
        JPEGLSLossless,
        JPEG2000Lossless,
        HTJ2KLossless,
        RLELossless,
    ],
)
def test_every_transfer_syntax_is_accepted_in_negotiation(
    node: Node, transfer_syntax_uid: str
) -> None:
    ae = AE()
    ae.add_requested_context(CTImageStorage, transfer_syntax_uid)
    association = ae.associate("127.0.0.1", node.port)
    accepted = [str(context.transfer_syntax[0]) for context in association.accepted_contexts]
    association.release()
    assert accepted == [transfer_syntax_uid]


def test_a_private_sop_class_is_stored(node: Node) -> None:
    ds = ct_instance(sop_class_uid="1.2.826.0.1.3680043.9.9999.1")
    (result,) = send([item_of(encoded(ds))], peer=node.peer, calling_ae_title="PRIVATE")
    assert result == scu.SendResult(ds.SOPInstanceUID, 0x0000, "")
    kept = node.instance(ds.SOPInstanceUID)
    assert kept is not None
    assert kept.sop_class_uid == "1.2.826.0.1.3680043.9.9999.1"


def test_a_storage_class_of_a_future_standard_is_stored(node: Node) -> None:
    ds = ct_instance(sop_class_uid="1.2.840.10008.5.1.4.1.1.9999.1")
    (result,) = send([item_of(encoded(ds))], peer=node.peer, calling_ae_title="FUTURE")
    assert result.ok


def test_character_sets_are_kept_and_indexed(node: Node, shared_data: Path) -> None:
    for name, expected in {
        "chrRuss.dcm": "Люкceмбypг",
        "chrGreek.dcm": "Διονυσιος",
        "chrX1.dcm": "Wang^XiaoDong=王^小東",
        "chrH31.dcm": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    }.items():
        part10 = (shared_data / "charsets" / name).read_bytes()
        item = item_of(part10)
        (result,) = send([item], peer=node.peer, calling_ae_title="CHARSETS")
        assert result.ok, result.error
        instance = node.storage.index.instance(item.sop_instance_uid)
        study = node.storage.index.study(instance.study_instance_uid)
        assert study.patient_name == expected
        assert node.data_set(item.sop_instance_uid) == data_set_bytes(part10)


def test_the_same_instance_twice_succeeds_and_is_kept_once(node: Node, tmp_path: Path) -> None:
    ds = ct_instance()
    file = write(ds, tmp_path / "a.dcm")
    for _ in range(2):
        answer = storescu(node.port, [file])
        assert answer.returncode == 0
        assert "Received Store Response (Success)" in answer.stderr
    assert node.instance_count == 1


def test_other_content_under_a_known_uid_is_a_conflict_and_the_first_is_kept(node: Node) -> None:
    first = ct_instance(seed=1)
    second = ct_instance(
        seed=2,
        sop_instance_uid=first.SOPInstanceUID,
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=first.SeriesInstanceUID,
    )
    results = send(
        [item_of(encoded(first)), item_of(encoded(second))],
        peer=node.peer,
        calling_ae_title="TWICE",
    )
    assert [result.status for result in results] == [0x0000, 0xB000]
    assert node.data_set(first.SOPInstanceUID) == data_set_bytes(encoded(first))
    assert node.instance_count == 1


@pytest.mark.parametrize("length", [0, 1, 7, 60, 200, -30, -1])
def test_a_cut_off_data_set_is_refused_and_nothing_is_stored(node: Node, length: int) -> None:
    ds = ct_instance()
    part10 = encoded(ds)
    whole = data_set_bytes(part10)
    header = part10[: len(part10) - len(whole)]
    cut = header + (whole[:length] if length else b"")
    item = item_of(part10)
    bad = scu.SendItem(
        item.sop_class_uid, item.sop_instance_uid, item.transfer_syntax_uid, partial(BytesIO, cut)
    )
    good = ct_instance()

    results = send([bad, item_of(encoded(good))], peer=node.peer, calling_ae_title="CUT")

    assert [result.status for result in results] == [0xC000, 0x0000]
    assert "cannot understand" in results[0].error
    assert node.instance(ds.SOPInstanceUID) is None
    assert node.instance(good.SOPInstanceUID) is not None


def test_the_refusal_tells_the_sender_why_without_patient_data(node: Node, tmp_path: Path) -> None:
    ds = ct_instance(patient_name="Secret^Person")
    del ds.StudyInstanceUID
    answer = storescu(node.port, [write(ds, tmp_path / "a.dcm")], "-d")
    output = answer.stdout + answer.stderr
    assert "0xc000" in output.lower()
    assert "Missing or not valid: (0020,000D) StudyInstanceUID" in output
    assert "Secret" not in "".join(line for line in output.splitlines() if "ErrorComment" in line)
    assert node.instance_count == 0


def _without_study() -> Dataset:
    dataset = ct_instance(sop_instance_uid="1.2.840.5.1")
    del dataset.StudyInstanceUID
    return dataset


@pytest.mark.parametrize(
    ("data_set", "tag", "comment"),
    [
        (
            with_broken_private_element("1.2.840.5.1", big=True),
            0x00091001,
            "Missing or not valid: (0009,1001)",
        ),
        (
            with_broken_private_element("1.2.840.5.1", big=True, in_item=True),
            0x00091001,
            "Missing or not valid: (0009,1001)",
        ),
        (
            data_set_bytes(encoded(_without_study())),
            0x0020000D,
            "Missing or not valid: (0020,000D) StudyInstanceUID",
        ),
    ],
)
def test_the_peer_hears_which_attribute_is_wrong(
    node: Node, data_set: bytes, tag: int, comment: str
) -> None:
    big = data_set[128:132] == b"DICM"
    syntax = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    ae = AE("SENDER")
    ae.add_requested_context(CTImageStorage, syntax)
    association = ae.associate("127.0.0.1", node.port)
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = CTImageStorage
    request.AffectedSOPInstanceUID = "1.2.840.5.1"
    request.Priority = 2
    request.DataSet = BytesIO(data_set_bytes(data_set) if big else data_set)
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert answer.Status == 0xC000
    assert (answer.OffendingElement, answer.ErrorComment) == (tag, comment)
    # One bad instance: the association goes on.
    assert association.send_c_store(ct_instance(transfer_syntax_uid=syntax)).Status == 0
    association.release()
