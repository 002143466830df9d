"""Results go where an administrator wants them: an archive by STOW-RS, a folder, a PACS."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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

from inference.delivery import deliver_due
from inference.destinations import open_destination, probe_peer
from inference.reading.mask_read import LABELMAP_SEGMENTATION
from inference.run import run_job
from inference.schedule import schedule_series
from storage.clock import utcnow
from storage.entities import Delivery, Instance
from storage.errors import InvalidRequest
from storage.opening import Storage
from storage.peer_rules import checked
from storage.peers import KnownPeer
from tests.inference.orchestration import complete_series, later, receive, storage_in
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import OrthancServer, free_port, orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@contextmanager
def node(folder: Path, *peers: KnownPeer, **overrides: Any) -> Iterator[Storage]:
    with storage_in(folder, **overrides) as storage:
        for peer in peers:
            storage.peers.add(checked(peer, storage.settings))
        yield storage


@contextmanager
def archive(folder: Path, **options: Any) -> Iterator[tuple[OrthancServer, str]]:
    """Orthanc with its DICOMweb plugin, and the address of its service."""
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is missing (Debian package orthanc-dicomweb)")
    wanted = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True}, **options}
    with orthanc(folder, options=wanted) as server:
        yield server, f"{server.url}/dicom-web"


def host_of(url: str) -> str:
    return url.split("/")[2]


def stow(url: str, **changes: Any) -> KnownPeer:
    return KnownPeer("archive", kind="stow", url=url, is_destination=True, **changes)


def with_results(storage: Storage, name: str = "a") -> list[Instance]:
    """Run a job, so that its SEG and SR are due."""
    (decision,) = schedule_series(storage, complete_series(storage, name), (BrightRegion(),))
    job = run_job(storage, decision.job_id or "", "worker", pipelines=(BrightRegion(),))
    assert job is not None
    return [storage.index.instance(one["sop_instance_uid"]) for one in job.result["instances"]]


def deliveries(storage: Storage, name: str = "a") -> list[Delivery]:
    return storage.deliveries.of_study(study_uid(name))


def test_an_archive_gets_the_results_by_stow_and_proves_it_by_qido(tmp_path: Path) -> None:
    with (
        archive(tmp_path) as (server, url),
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"HELD"}
        for instance in results:
            theirs = server.instance_file(instance.sop_instance_uid)
            assert theirs is not None
            assert theirs[-2000:] == storage.instances.read(instance)[-2000:]
        tested = probe_peer(storage, storage.peers.get("archive"))
        assert tested.ok
        assert tested.sentence == f"{url} answers QIDO-RS."


def test_an_archive_that_wants_a_token_gets_it_and_nobody_else_sees_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        seen.append(headers["X-Key"])
        return 200, []

    with answering(answer) as url:
        peer = stow(url, token_header="X-Key", token="very-secret")
        with node(tmp_path, peer, stow_hosts=host_of(url)) as storage:
            assert probe_peer(storage, storage.peers.get("archive")).ok
            assert seen == ["very-secret"]
            assert "very-secret" not in repr(storage.peers.all())
    output = capfd.readouterr()
    assert "very-secret" not in output.out + output.err


def test_an_archive_that_is_away_delays_the_delivery(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/dicom-web"
    with node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage:
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert {one.state for one in deliveries(storage)} == {"PENDING"}
        assert all(
            "cannot be reached: Connection refused" in one.last_error for one in deliveries(storage)
        )
        tested = probe_peer(storage, storage.peers.get("archive"))
        assert not tested.ok
        assert "Connection refused" in tested.sentence


def test_partial_success_is_honoured(tmp_path: Path) -> None:
    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in uids[1:]]
        return 202, {
            "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uids[1]]}}]},
            "00081198": {
                "vr": "SQ",
                "Value": [
                    {
                        "00081155": {"vr": "UI", "Value": [uids[0]]},
                        "00081197": {"vr": "US", "Value": [0xA700]},
                    }
                ],
            },
        }

    uids: list[str] = []
    with (
        answering(answer) as url,
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        uids += [one.sop_instance_uid for one in with_results(storage)]
        assert deliver_due(storage, utcnow(), "sender") == 1
        states = {one.sop_instance_uid: one for one in deliveries(storage)}
        assert states[uids[1]].state == "HELD"
        assert states[uids[0]].state == "PENDING"
        assert "failure reason 0xa700" in states[uids[0]].last_error


def test_without_qido_metadata_prove_and_without_both_it_stays_at_sent(tmp_path: Path) -> None:
    has_metadata = True

    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        if method == "POST":
            named = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]
            return 200, {"00081199": {"vr": "SQ", "Value": named}}
        if path.endswith("/metadata") and has_metadata:
            return 200, [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in uids]
        return 404, {}

    uids: list[str] = []
    with (
        answering(answer) as url,
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        uids += [one.sop_instance_uid for one in with_results(storage)]
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"HELD"}
        has_metadata = False
        uids[:] = [one.sop_instance_uid for one in with_results(storage, "b")]
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage, "b")} == {"SENT"}
        assert all("offers no QIDO-RS" in one.last_error for one in deliveries(storage, "b"))


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with answering(lambda *_: (200, [])) as inside:
        asked: list[str] = []

        def redirect(method: str, path: str, headers: Any) -> tuple[int, Any]:
            asked.append(path)
            return 307, {"Location": inside}

        with (
            answering(redirect) as url,
            node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
        ):
            tested = probe_peer(storage, storage.peers.get("archive"))
            assert not tested.ok
            assert "HTTP 307" in tested.sentence
            assert len(asked) == 1


def test_a_host_that_is_not_allowed_any_more_gets_nothing(tmp_path: Path) -> None:
    with answering(lambda *_: (200, [])) as url:
        with node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage:
            with_results(storage)
        with node(tmp_path) as storage:
            assert deliver_due(storage, utcnow(), "sender") == 0
            assert all("MEDIVIEW_STOW_HOSTS" in one.last_error for one in deliveries(storage))


FOLDER = KnownPeer("disk", kind="folder", folder="research/brains", is_destination=True)


def test_a_folder_gets_whole_files_named_by_their_uids(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"HELD"}
        folder = storage.settings.data_dir / "export" / "research" / "brains"
        found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        assert len(found) == 2
        for one in results:
            path = Path(one.study_instance_uid, one.series_instance_uid)
            written = found[path / f"{one.sop_instance_uid}.dcm"].read_bytes()
            assert written == storage.instances.read(one)
        tested = probe_peer(storage, FOLDER)
        assert tested.ok
        assert "can be written" in tested.sentence
        assert len(list(folder.iterdir())) == 1


def test_a_file_that_was_tampered_with_is_no_proof(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        results = with_results(storage)
        destination = open_destination(storage, FOLDER)
        assert all(outcome.ok for outcome in destination.send(results))
        path = next((storage.settings.data_dir / "export").rglob(f"{results[0].sop_instance_uid}*"))
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert destination.listed(results) == {results[1].sop_instance_uid}


def test_a_link_does_not_lead_out_of_the_export_folder(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        export = storage.settings.data_dir / "export"
        export.mkdir()
        (export / "research").symlink_to(tmp_path)
        with pytest.raises(InvalidRequest, match="not below"):
            open_destination(storage, FOLDER)


def test_a_folder_that_cannot_be_written_delays_the_delivery(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        with_results(storage)
        export = storage.settings.data_dir / "export"
        export.write_text("in the way")
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert {one.state for one in deliveries(storage)} == {"PENDING"}
        assert not probe_peer(storage, FOLDER).ok
        export.unlink()
        assert deliver_due(storage, later(3600), "sender") == 2


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
        assert {one for _, one in maps} == {LABELMAP_SEGMENTATION, sr}
        # Two reports are made: each goes with the mask that it refers to.
        referenced = {
            one.destination: _mask_of(storage, one.sop_instance_uid)
            for one in deliveries(storage)
            if results[one.sop_instance_uid] == sr
        }
        assert referenced == {
            "all": seg, "reports": seg, "maps": LABELMAP_SEGMENTATION
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


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """An HTTP server that answers (status, JSON) as told; it reads bodies and forgets them."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self._read_body()
            status, value = answer(self.command, self.path.partition("?")[0], self.headers)
            body = json.dumps(value).encode()
            self.send_response(status)
            if status == 307:
                self.send_header("Location", value["Location"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_OPTIONS = _answer

        def _read_body(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="archive")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
