"""A destination gets the objects that it names, no faster and by no more senders than it allows."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from inference.deliveries.destinations import open_destination, probe_peer
from storage.container import Storage
from storage.core.clock import utcnow
from storage.dicom.storage_classes import LABEL_MAP_SEGMENTATION_STORAGE
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import (
    FOLDER,
    archive,
    deliveries,
    host_of,
    node,
    stow,
    with_results,
)
from tests.inference.orchestration import later, receive
from tests.inference.small import mr_series, study_uid


def test_the_capability_profile_chooses_the_objects(tmp_path: Path) -> None:
    peers = [
        replace(FOLDER, name="all", folder="all"),
        replace(FOLDER, name="masks", folder="masks", object_kinds=frozenset({"SEG"})),
        replace(FOLDER, name="reports", folder="reports", object_kinds=frozenset({"SR", "PDF"})),
        replace(FOLDER, name="pictures", folder="pictures", object_kinds=frozenset({"SC"})),
        replace(FOLDER, name="maps", folder="maps", object_kinds=frozenset({"LABELMAP", "SR"})),
        replace(FOLDER, name="old", folder="old", object_kinds=frozenset({"STACK", "GSPS", "KOS"})),
    ]
    with node(tmp_path, *peers) as storage:
        results = {one.sop_instance_uid: one.sop_class_uid for one in with_results(storage)}
        wanted = {(one.destination, results[one.sop_instance_uid]) for one in deliveries(storage)}
        seg, sr = SegmentationStorage, Comprehensive3DSRStorage
        sc, pdf = SecondaryCaptureImageStorage, EncapsulatedPDFStorage
        stack = MultiFrameTrueColorSecondaryCaptureImageStorage
        gsps, kos = GrayscaleSoftcopyPresentationStateStorage, KeyObjectSelectionDocumentStorage
        maps = {one for one in wanted if one[0] == "maps"}
        wanted -= maps
        assert wanted == {
            # Label map and stack say again what SEG and SC say: to who names them alone.
            *(("all", one) for one in (seg, sr, sc, pdf, gsps, kos)),
            *(("old", one) for one in (stack, gsps, kos)),
            ("masks", seg),
            ("reports", sr),
            ("reports", pdf),
            ("pictures", sc),
        }
        assert {one for _, one in maps} == {LABEL_MAP_SEGMENTATION_STORAGE, sr}
        # Two reports are made: each goes with the mask that it refers to.
        referenced = {
            one.destination: _mask_of(storage, one.sop_instance_uid)
            for one in deliveries(storage)
            if results[one.sop_instance_uid] == sr
        }
        assert referenced == {
            "all": seg, "reports": seg, "maps": LABEL_MAP_SEGMENTATION_STORAGE
        }  # fmt: skip


def _mask_of(storage: Storage, report_uid: str) -> str:
    """The class of the mask that a report refers to, which is in its evidence as well."""
    report = storage.instances.dataset(storage.index.instance(report_uid))
    evidence = {
        one.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    (found,) = {
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for element in report.iterall()
        if element.keyword == "ReferencedSOPSequence"
        for one in element.value
        if "ReferencedSegmentNumber" in one
    }
    assert found[1] in evidence
    return str(found[0])


def test_a_destination_takes_no_more_senders_than_it_allows(tmp_path: Path) -> None:
    one_at_a_time = replace(FOLDER, name="narrow", folder="narrow", max_sendings=1)
    with node(tmp_path, one_at_a_time, FOLDER) as storage:
        with_results(storage, "a")
        with_results(storage, "b")
        limits = {"narrow": 1}
        claimed = []
        for number in range(4):
            batch = storage.deliveries.claim_due(f"s{number}", 60.0, utcnow(), 10, limits)
            claimed.append(batch[0].destination if batch else "")
        assert sorted(claimed) == ["", "disk", "disk", "narrow"]
        # What the first sender left behind when it died goes on after its lease.
        assert storage.deliveries.claim_due("s9", 60.0, later(61), 10, {"narrow": 1, "disk": 1})
        storage.deliveries.renew("s9", 600.0, utcnow())


@pytest.mark.parametrize("kind", ["ae", "stow", "folder"])
def test_bandwidth_is_limited(tmp_path: Path, kind: str) -> None:
    with archive(tmp_path) as (server, url):
        peer = {
            "ae": KnownPeer("slow", ae_title="ORTHANC", host=server.host, port=server.port),
            "stow": stow(url),
            "folder": FOLDER,
        }[kind]
        with node(tmp_path, stow_hosts=host_of(url)) as storage:
            receive(storage, mr_series("a", 24))
            instances = storage.index.instances_of(study_uid("a"))
            rate = sum(one.size_bytes for one in instances) // 2
            slow = replace(peer, bandwidth_bytes_per_s=rate)
            took = {}
            for one in (peer, slow):
                started = time.monotonic()
                assert all(sent.ok for sent in open_destination(storage, one).send(instances))
                took[one.bandwidth_bytes_per_s] = time.monotonic() - started
            # Two seconds' worth; the last piece is not waited for.
            assert took[rate] > 1.5, took
            assert took[rate] > took[0]


def test_a_pacs_that_only_calls_cannot_be_tested(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        tested = probe_peer(storage, KnownPeer("modality", ae_title="MODALITY"))
        assert not tested.ok
        assert "no address" in tested.sentence
