"""Orthanc and DCMTK's dcmqrscp are asked what they have, and give it back bit for bit."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicom_node.archives.ae import AeArchive
from dicom_node.archives.archive import Archive, Fetched
from dicom_node.archives.dicomweb import DicomwebArchive
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Receiving
from dicom_node.network.tls import ClientTls
from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from dicom_node.server.scp import start_scp
from storage.container import Storage, open_storage
from storage.core.errors import InvalidInstance, StorageFull
from storage.dicom.part10 import Header
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority
from tests.inference.deliveries.destinations.nodes import archive
from tests.inference.orchestration import storage_in
from tests.inference.small import changed, mr_series, study_uid
from tests.migrated import upgrade
from tests.services import dcmqrscp, free_port, orthanc

# What is named in Cyrillic letters comes in another character set than the rest.
RUSSIAN = {"SpecificCharacterSet": "ISO_IR 144", "PatientName": "Люксембург", "PatientID": "Я-12"}


def studies() -> dict[str, list[bytes]]:
    return {
        "chest": mr_series("chest", 3),
        "head": mr_series("head", 2),
        "foreign": [changed(one, **RUSSIAN) for one in mr_series("foreign", 1)],
    }


@dataclass(frozen=True)
class Served:
    """Archives that hold the same studies, of one node. `moving` knows no C-GET."""

    storage: Storage
    orthanc: Archive
    getting: Archive
    moving: Archive
    web: Archive


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("archives")
    files = []
    for name, contents in studies().items():
        for number, content in enumerate(contents):
            files.append(folder / f"{name}{number}.dcm")
            files[-1].write_bytes(content)
    port = free_port()
    with (
        storage_in(folder, dicom_port=port, unknown_peers_may=("store",)) as storage,
        # Without it, Orthanc answers in Latin-1 alone.
        archive(folder, DefaultEncoding="Utf8") as (server, url),
        closing(DicomwebArchive(HttpArchive(url, ""))) as web,
        dcmqrscp(folder / "get", files) as getting,
        dcmqrscp(
            folder / "move",
            files,
            ae_title="MOVER",
            move_to={"MEDIVIEW": ("127.0.0.1", port)},
            options=["--disable-get"],
        ) as moving,
    ):
        for file in files:
            server.post("/instances", file.read_bytes())
        scp = start_scp(storage)
        try:
            yield Served(
                storage,
                AeArchive(Peer("ORTHANC", server.host, server.port), storage.settings),
                AeArchive(Peer(*getting), storage.settings),
                AeArchive(Peer(*moving), storage.settings),
                web,
            )
        finally:
            scp.shutdown()


@pytest.fixture(params=["orthanc", "getting", "moving", "web"])
def asked(request: pytest.FixtureRequest, served: Served) -> Archive:
    found: Archive = getattr(served, request.param)
    return found


def stored(storage: Storage, name: str) -> list[bytes]:
    return sorted(
        storage.instances.read(one)
        for series in storage.index.series_of(study_uid(name))
        for one in storage.index.instances_of(study_uid(name), series.series_instance_uid)
    )


def fetch(storage: Storage, asked: Archive, name: str) -> tuple[Receiving, Fetched]:
    receiving = Receiving(storage.ingest, "dimse:ARCHIVE")
    return receiving, asked.fetch(study_uid(name), receiving, lambda _done, _total: None)


def test_studies_of_a_patient_are_listed_with_what_is_known_of_them(asked: Archive) -> None:
    found = asked.studies({"PatientID": "Q-4711"}, 100)
    assert found.is_complete
    by_uid = {one.study_instance_uid: one for one in found.studies}
    assert by_uid.keys() == {study_uid("chest"), study_uid("head")}
    chest = by_uid[study_uid("chest")]
    assert chest.text("StudyDate") == "20240131"
    assert chest.text("PatientBirthDate") == "19500102"
    # dcmqrscp states of studies what it must, and no more.
    assert chest.attributes.get("ModalitiesInStudy", ("MR",)) == ("MR",)
    assert chest.instance_count in (0, 3)
    (series,) = asked.series(study_uid("chest"))
    assert series.text("Modality") == "MR"


def test_names_and_ids_in_other_character_sets_are_found_and_read(asked: Archive) -> None:
    (found,) = asked.studies({"StudyInstanceUID": study_uid("foreign")}, 10).studies
    assert found.text("PatientName") == "Люксембург"
    assert found.text("PatientID") == "Я-12"


@pytest.mark.parametrize("name", ["orthanc", "getting", "moving"])
def test_an_id_in_another_alphabet_is_asked_for(served: Served, name: str) -> None:
    asked: Archive = getattr(served, name)
    (found,) = asked.studies({"PatientID": "Я-12"}, 10).studies
    assert found.study_instance_uid == study_uid("foreign")


def test_more_answers_than_were_asked_for_are_cut_off(asked: Archive) -> None:
    found = asked.studies({}, 2)
    assert len(found.studies) == 2
    assert not found.is_complete


def test_nothing_is_found_of_a_stranger(asked: Archive) -> None:
    assert asked.studies({"PatientID": "NOBODY"}, 10).studies == []


@pytest.mark.parametrize("name", ["orthanc", "getting", "web"])
def test_a_study_is_fetched_bit_for_bit(tmp_path: Path, served: Served, name: str) -> None:
    with storage_in(tmp_path) as storage:
        receiving, fetched = fetch(storage, getattr(served, name), "chest")
        assert fetched == Fetched("WADO-RS" if name == "web" else "C-GET", 3, 0)
        assert receiving.counts.stored == 3
        assert [_pixels(one) for one in stored(storage, "chest")] == [
            _pixels(one) for one in sorted(mr_series("chest", 3))
        ]
        again, _ = fetch(storage, getattr(served, name), "chest")
        assert (again.counts.stored, again.counts.duplicate) == (0, 3)


def _pixels(part10: bytes) -> bytes:
    return part10[-24 * 32 * 2 :]


def test_what_knows_no_c_get_moves_the_study_to_the_receiver(served: Served) -> None:
    receiving, fetched = fetch(served.storage, served.moving, "head")
    assert fetched == Fetched("C-MOVE", 2, 0)
    assert receiving.counts.total == 0
    assert len(stored(served.storage, "head")) == 2


def test_progress_counts_up_to_all_instances(tmp_path: Path, served: Served) -> None:
    stated: list[tuple[int, int]] = []
    with storage_in(tmp_path) as storage:
        receiving = Receiving(storage.ingest, "dimse:ARCHIVE")
        served.getting.fetch(
            study_uid("chest"), receiving, lambda done, total: stated.append((done, total))
        )
    assert stated
    assert {total for _, total in stated} == {3}


def test_an_archive_that_does_not_know_this_node_says_so(tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(mr_series("chest", 1)[0])
    with (
        dcmqrscp(tmp_path, [file], options=["--disable-get"]) as address,
        storage_in(tmp_path) as storage,
        pytest.raises(PeerFailed, match="does not know the destination"),
    ):
        fetch(storage, AeArchive(Peer(*address), storage.settings), "chest")


def test_without_c_get_nothing_is_moved_where_that_is_not_wanted(served: Served) -> None:
    settings = served.storage.settings
    moving = AeArchive(served.moving._peer, settings, may_move=False)  # type: ignore[attr-defined]
    with pytest.raises(PeerLacksService, match="offers no C-GET"):
        fetch(served.storage, moving, "chest")


def test_an_archive_that_is_away_is_named(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        away = AeArchive(Peer("AWAY", "127.0.0.1", free_port()), storage.settings)
        with pytest.raises(PeerFailed, match=r"AWAY@127\.0\.0\.1:\d+ cannot be reached"):
            away.studies({"PatientID": "Q-4711"}, 10)
        with pytest.raises(PeerFailed, match="cannot be reached"):
            fetch(storage, away, "chest")


def test_instances_that_are_not_wanted_are_refused_one_by_one(
    tmp_path: Path, served: Served
) -> None:
    def refuse_the_second(header: Header) -> None:
        if header.number("InstanceNumber") == 2:
            raise InvalidInstance("It was not asked for.")

    with storage_in(tmp_path) as storage:
        receiving = Receiving(storage.ingest, "dimse:ARCHIVE", refuse_the_second)
        fetched = served.getting.fetch(study_uid("head"), receiving, lambda *_: None)
        assert (receiving.counts.stored, len(receiving.counts.refused)) == (1, 1)
        # What is refused here is no failure of the archive's, and is not asked for again.
        assert (fetched.service, fetched.failed) == ("C-GET", 0)


def test_a_full_disk_ends_the_fetch_and_says_so(tmp_path: Path, served: Served) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=2**60)
    upgrade(settings)
    with open_storage(settings) as storage, pytest.raises(StorageFull):
        fetch(storage, served.getting, "chest")


def test_orthanc_is_asked_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server_pair, client_pair = authority.issue("server"), authority.issue("client")
    options = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(server_pair.certificate),
        "DicomTlsPrivateKey": str(server_pair.key),
        "DicomTlsTrustedCertificates": str(authority.certificate),
    }
    with orthanc(tmp_path, options=options) as server, storage_in(tmp_path) as storage:
        for content in mr_series("chest", 2):
            server.post("/instances", content)
        tls = ClientTls("full", authority.certificate, client_pair.certificate, client_pair.key)
        peer = Peer("ORTHANC", server.host, server.port, tls)
        with closing(AeArchive(peer, storage.settings)) as asked:
            assert len(asked.studies({"PatientID": "Q-4711"}, 10).studies) == 1
            receiving, _ = fetch(storage, asked, "chest")
            assert receiving.counts.stored == 2


def test_a_wildcard_in_an_id_does_not_hide_who_is_meant(served: Served) -> None:
    """Archives match `*` as any text (PS3.4 C.2.2.2.4): whoever asks compares the answers."""
    found = served.orthanc.studies({"PatientID": "Q-*"}, 10).studies
    assert {one.text("PatientID") for one in found} == {"Q-4711"}
