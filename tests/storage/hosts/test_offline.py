"""What lies on a host that is away, and nowhere else, is answered as OFFLINE."""

from dataclasses import replace

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.normalized.peer_notifier import PeerNotifier
from dicom_node.server.scp import start_scp
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.integrity.offline import offline_in_study
from storage.peers.entities import KnownPeer
from storage.peers.notifications import want_notified
from tests.storage.hosts.conftest import Host
from tests.storage.hosts.instances import STUDY, UID, TwoHosts, away, part10

SERIES = derive_uid("test", "study", "series")
SECOND = derive_uid("test", "study", "series", "1")


def left_alone(two_hosts: TwoHosts) -> Host:
    """The host that is there still. The other went before the bucket had one of its instances."""
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    south.storage.ingest.accept(part10(instance="1"), "stow")
    south.storage.ingest.accept(part10("another study"), "stow")
    south.keep_in_order()
    away(south.storage, north.storage.hosts.own_id())
    return south


def availability(storage: Storage) -> dict[str, str]:
    uids = (UID, SECOND, SERIES, STUDY, derive_uid("test", "another study"))
    storage.damaged.known._load()
    return {uid: storage.damaged.known.availability_of(uid) for uid in uids}


def test_instances_of_a_host_that_is_away_are_offline_with_what_holds_them(
    two_hosts: TwoHosts,
) -> None:
    north, south = two_hosts
    left_alone(two_hosts)
    assert list(availability(south.storage).values()) == [
        "OFFLINE", "ONLINE", "OFFLINE", "OFFLINE", "ONLINE",
    ]  # fmt: skip
    north.storage.hosts.join()
    south.storage.hosts._known_until_s = 0.0
    assert set(availability(south.storage).values()) == {"ONLINE"}, "it is there again"


def test_what_the_bucket_has_is_online_though_its_host_is_away(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()
    away(south.storage, north.storage.hosts.own_id())
    assert set(availability(south.storage).values()) == {"ONLINE"}
    assert south.storage.instances.read(south.storage.index.instance(UID)) == part10()


def test_a_host_that_is_given_up_leaves_what_it_alone_had_unavailable(two_hosts: TwoHosts) -> None:
    north, _ = two_hosts
    south = left_alone(two_hosts)
    south.storage.hosts.remove(north.storage.hosts.own_id())
    south.storage.recovery.run(thorough=True)
    found = availability(south.storage)
    assert (found[UID], found[SECOND], found[STUDY]) == ("UNAVAILABLE", "ONLINE", "UNAVAILABLE")


def test_a_query_and_a_notification_say_so(two_hosts: TwoHosts) -> None:
    south = left_alone(two_hosts)
    notices: list[Dataset] = []

    def create(event: Event) -> tuple[int, None]:
        notices.append(event.attribute_list)
        return 0x0000, None

    ris = AE("RIS")
    ris.add_supported_context(InstanceAvailabilityNotification)
    server = ris.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_CREATE, create)]
    )
    assert server is not None
    try:
        port = server.socket.getsockname()[1]
        peer = KnownPeer("ris", ae_title="RIS", host="127.0.0.1", port=port)
        south.storage.peers.add(replace(peer, notifications=frozenset({"ian"})))
        with writing(south.storage.engine) as connection:
            want_notified(connection, "ian", STUDY, utcnow())
        assert PeerNotifier(south.storage).tell_due(utcnow()) == 1
    finally:
        server.shutdown()
    (notice,) = notices
    (series,) = notice.ReferencedSeriesSequence
    assert {
        str(one.ReferencedSOPInstanceUID): str(one.InstanceAvailability)
        for one in series.ReferencedSOPSequence
    } == {UID: "OFFLINE", SECOND: "ONLINE"}
    assert found_by_query(south.storage) == {UID: "OFFLINE", SECOND: "ONLINE"}


def found_by_query(storage: Storage) -> dict[str, str]:
    """By C-FIND at IMAGE level."""
    storage.damaged.known._load()
    scp = start_scp(storage, 0)
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID = STUDY
    query.SeriesInstanceUID = SERIES
    query.SOPInstanceUID = ""
    try:
        ae = AE("RIS")
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        association = ae.associate("127.0.0.1", scp.port)
        answers = list(association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
        association.release()
    finally:
        scp.shutdown(grace_s=1.0)
    return {
        str(one.SOPInstanceUID): str(one.InstanceAvailability)
        for _, one in answers
        if one is not None
    }


def test_a_host_that_is_there_has_nothing_offline(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    assert offline_in_study(south.storage.engine, south.storage.hosts, STUDY) == set()
    assert set(availability(south.storage).values()) == {"ONLINE"}, "it will be in the bucket soon"
