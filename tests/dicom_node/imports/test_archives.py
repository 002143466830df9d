"""Archives are imported by their own API, DICOMweb, or query and retrieve: once, as they are."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_node.archives.ae import AeArchive
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.move_receiver import MoveReceiver
from dicom_node.archives.receiving import Receiving
from dicom_node.imports.dicomweb import DicomwebSource
from dicom_node.imports.orthanc import OrthancSource
from dicom_node.imports.query_retrieve import QueryRetrieveSource
from dicom_node.peers import Peer, PeerFailed
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.dicom_node.builders import dcmtk
from tests.dicom_node.certificates import Authority
from tests.dicom_node.imports.importing import bring_in, instances, stored_files
from tests.inference.deliveries.destinations.nodes import archive
from tests.inference.orchestration import storage_in
from tests.inference.small import changed, mr_series, study_uid
from tests.services import OrthancServer, dcmqrscp, free_port
from tests.services import orthanc as running_orthanc


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OrthancServer, str]]:
    """Orthanc with two studies of another node's."""
    with archive(tmp_path_factory.mktemp("orthanc")) as (server, url):
        for name, count in (("a", 5), ("b", 3)):
            for content in mr_series(name, count):
                server.post("/instances", content)
        yield server, url


def test_an_orthanc_is_taken_over_by_its_own_api(
    tmp_path: Path, orthanc: tuple[OrthancServer, str]
) -> None:
    server, _ = orthanc
    with storage_in(tmp_path) as storage:
        result = bring_in(storage, OrthancSource(HttpArchive(server.url, "")))
        assert (result.parts, result.counts.stored, result.failed) == (2, 8, [])
        assert stored_files(storage, "a") == sorted(mr_series("a", 5))
        assert bring_in(storage, OrthancSource(HttpArchive(server.url, ""))).known == 2


def test_a_dicomweb_archive_is_taken_over_by_what_studies_must_match(
    tmp_path: Path, orthanc: tuple[OrthancServer, str]
) -> None:
    _, url = orthanc
    with storage_in(tmp_path) as storage:
        query = {"StudyInstanceUID": study_uid("b")}
        result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), query))
        assert (result.parts, result.counts.stored) == (1, 3)
        assert stored_files(storage, "b") == sorted(mr_series("b", 3))
        everything = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert (everything.known, everything.counts.stored) == (1, 5)


def test_an_archive_is_taken_over_by_query_and_retrieve(
    tmp_path: Path, orthanc: tuple[OrthancServer, str]
) -> None:
    server, _ = orthanc
    peer = Peer("ORTHANC", server.host, server.port)
    with storage_in(tmp_path) as storage:
        settings = storage.settings
        query = {"StudyInstanceUID": study_uid("b")}
        result = bring_in(storage, QueryRetrieveSource(peer, query, settings))
        assert (result.parts, result.counts.stored, result.failed) == (1, 3, [])
        everything = bring_in(storage, QueryRetrieveSource(peer, {}, settings))
        assert (everything.known, everything.counts.stored) == (1, 5)
        pixels = {dcmread(BytesIO(one)).PixelData for one in stored_files(storage, "a")}
        assert pixels == {dcmread(BytesIO(one)).PixelData for one in mr_series("a", 5)}
        assert all(one.source == "import:ORTHANC" for one in instances(storage, "a"))


def test_what_has_no_c_get_moves_its_studies_to_the_import(tmp_path: Path) -> None:
    """Of dcmqrscp, which opens an association for each study."""
    files = []
    for name, count in (("a", 3), ("b", 2)):
        for number, content in enumerate(mr_series(name, count)):
            files.append(tmp_path / f"{name}{number}.dcm")
            files[-1].write_bytes(content)
    port = free_port()
    moved_to = {"IMPORT": ("127.0.0.1", port)}
    with (
        storage_in(tmp_path) as storage,
        dcmqrscp(tmp_path, files, move_to=moved_to, options=["--disable-get"]) as address,
    ):
        peer = Peer(*address)
        without = bring_in(storage, QueryRetrieveSource(peer, {}, storage.settings))
        assert "offers no C-GET" in without.failed[0]
        source = QueryRetrieveSource(peer, {}, storage.settings, ("IMPORT", port))
        result = bring_in(storage, source)
        assert (result.parts, result.counts.stored, result.failed) == (2, 5, [])
        assert all(one.source.startswith("import:") for one in instances(storage, "a"))
        assert len(stored_files(storage, "b")) == 2
        again = QueryRetrieveSource(peer, {}, storage.settings, ("IMPORT", port))
        assert bring_in(storage, again).known == 2


def test_an_orthanc_that_keeps_its_association_moves_study_after_study(
    tmp_path: Path,
) -> None:
    port = free_port()
    known = {"import": ("IMPORT", "127.0.0.1", port), "node": ("MEDIVIEW", "127.0.0.1", 9)}
    with (
        running_orthanc(
            tmp_path, modalities=known, options={"DicomAlwaysAllowGet": False}
        ) as server,
        storage_in(tmp_path) as storage,
    ):
        for name, count in (("a", 5), ("b", 3)):
            for content in mr_series(name, count):
                server.post("/instances", content)
        peer = Peer("ORTHANC", server.host, server.port)
        receiver = MoveReceiver("IMPORT", port, storage.settings)
        archive = AeArchive(peer, storage.settings, receiver=receiver)
        with closing(receiver):
            for name, count in (("a", 5), ("b", 3)):
                receiving = Receiving(storage.ingest, "import:x")
                assert archive._moved(study_uid(name), receiving, lambda *_: None).came == count
                assert receiving.counts.stored == count


def test_an_orthanc_moves_over_tls_to_an_import_that_takes_nothing_else(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, other = authority.issue("node"), authority.issue("orthanc")
    port = free_port()
    entity = {"AET": "IMPORT", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True}
    options = {
        "DicomAlwaysAllowGet": False,
        "DicomModalities": {"import": entity},
        "DicomTlsCertificate": str(other.certificate),
        "DicomTlsPrivateKey": str(other.key),
        "DicomTlsTrustedCertificates": str(authority.certificate),
    }
    with (
        running_orthanc(tmp_path, options=options) as server,
        storage_in(
            tmp_path,
            tls_certificate=own.certificate,
            tls_key=own.key,
            tls_ca=authority.certificate,
        ) as storage,
    ):
        for content in mr_series("a", 3):
            server.post("/instances", content)
        peer = Peer("ORTHANC", server.host, server.port)
        receiver = MoveReceiver("IMPORT", port, storage.settings, over_tls=True)
        archive = AeArchive(peer, storage.settings, receiver=receiver)
        with closing(receiver):
            receiving = Receiving(storage.ingest, "import:x")
            assert archive._moved(study_uid("a"), receiving, lambda *_: None).came == 3
            plain = dcmtk("echoscu", "-aec", "IMPORT", "127.0.0.1", str(port))
            assert plain.returncode != 0
        assert receiving.counts.stored == 3


def test_over_tls_without_a_certificate_is_refused_before_anything_listens(
    tmp_path: Path,
) -> None:
    with storage_in(tmp_path) as storage, pytest.raises(InvalidRequest, match="certificate"):
        MoveReceiver("IMPORT", free_port(), storage.settings, over_tls=True)


def test_an_import_by_query_and_retrieve_goes_on_when_the_archive_is_there_again(
    tmp_path: Path, orthanc: tuple[OrthancServer, str]
) -> None:
    server, _ = orthanc
    with storage_in(tmp_path) as storage:
        away = Peer("ORTHANC", "127.0.0.1", free_port())
        with pytest.raises(PeerFailed, match="cannot be reached"):
            bring_in(storage, QueryRetrieveSource(away, {}, storage.settings))
        peer = Peer("ORTHANC", server.host, server.port)
        result = bring_in(storage, QueryRetrieveSource(peer, {}, storage.settings))
        assert result.counts.stored == 8


def test_what_the_node_refuses_of_an_archive_is_listed_and_does_not_stop_the_import(
    tmp_path: Path, orthanc: tuple[OrthancServer, str]
) -> None:
    server, _ = orthanc
    peer = Peer("ORTHANC", server.host, server.port)
    with storage_in(tmp_path, max_instance_bytes=1000) as storage:
        result = bring_in(storage, QueryRetrieveSource(peer, {}, storage.settings))
        assert (result.failed, result.was_given_up) == ([], False)
        assert len(result.counts.refused) == 8


def test_an_invalid_instance_of_an_archive_is_refused_once_and_its_study_is_done(
    tmp_path: Path,
) -> None:
    files = mr_series("c", 2)
    # No UID (PS3.5 9.1), which DCMTK's archive takes all the same.
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        files[1] = changed(files[1], SeriesInstanceUID="1.2.no-uid")
    for number, content in enumerate(files):
        (tmp_path / f"{number}.dcm").write_bytes(content)
    with (
        dcmqrscp(tmp_path, sorted(tmp_path.glob("*.dcm"))) as address,
        storage_in(tmp_path) as storage,
    ):
        source = partial(QueryRetrieveSource, Peer(*address), {}, storage.settings)
        result = bring_in(storage, source())
        assert (result.counts.stored, len(result.counts.refused), result.failed) == (1, 1, [])
        assert bring_in(storage, source()).known == 1


@pytest.mark.parametrize("value", ["2020", "2020-01-01", "20200101-2021", "-", "yesterday"])
def test_what_is_no_date_is_not_asked_for(tmp_path: Path, value: str) -> None:
    settings = load_settings(data_dir=tmp_path)
    peer = Peer("ORTHANC", "127.0.0.1", free_port())
    with pytest.raises(InvalidRequest, match=f"'{value}' is no date"):
        QueryRetrieveSource(peer, {"StudyDate": value}, settings)
    for known in ("20200101", "20200101-", "-20200101", "20200101-20201231", ""):
        QueryRetrieveSource(peer, {"StudyDate": known}, settings)


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ({"StudyDat": "20240131"}, "Did you mean StudyDate?"),
        ({"StudyDate": "20240131", "Modality": "MR"}, "Did you mean ModalitiesInStudy?"),
        ({"QueryRetrieveLevel": "SERIES"}, "Use a keyword of a study"),
        ({"NumberOfStudyRelatedInstances": "3"}, ""),
    ],
)
def test_a_mistyped_key_does_not_bring_in_the_whole_archive(
    tmp_path: Path, query: dict[str, str], remedy: str
) -> None:
    peer = Peer("ORTHANC", "127.0.0.1", free_port())
    settings = load_settings(data_dir=tmp_path)
    with pytest.raises(InvalidRequest, match="Studies are not found by") as by_query:
        QueryRetrieveSource(peer, query, settings)
    assert remedy in by_query.value.remedy
    with pytest.raises(InvalidRequest, match="Studies are not found by"):
        DicomwebSource(HttpArchive("http://127.0.0.1", ""), query)
