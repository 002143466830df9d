"""A report never arrives before the segmentation to which it refers; results go round once."""

from pathlib import Path

import pytest

from dicom_node.server.scp import start_scp
from inference.deliveries.service import deliver_due
from inference.scheduling.schedule import complete_and_schedule
from storage.core.clock import utcnow
from storage.settings import Destination
from tests.inference.deliveries.test_commitment_delivery import OddPeer, impatient
from tests.inference.deliveries.test_delivery import deliveries, make_due, node, with_results
from tests.inference.orchestration import later
from tests.inference.small import BrightRegion, study_uid
from tests.services import free_port, orthanc

__all__ = ["impatient"]
_STUDIES = "abcdef"


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_the_segmentation_goes_first_though_the_first_attempt_failed(tmp_path: Path) -> None:
    peer = OddPeer(port=free_port(), same_association=True)
    there = Destination("odd", "ODD", "127.0.0.1", peer.port)
    with node(tmp_path, there) as storage:
        made = {name: with_results(storage, name) for name in _STUDIES}  # each a SEG and its SR
        assert deliver_due(storage, utcnow(), "sender") == 0
        for name in _STUDIES:
            # Due again at one moment, so that neither is claimed without the other.
            assert len({one.next_attempt_at for one in deliveries(storage, name)}) == 1
        with peer.run():
            make_due(storage)
            deliver_due(storage, utcnow(), "sender")
        for uids in made.values():
            assert [uid for uid in peer.stored if uid in uids] == uids


def test_what_the_pacs_sends_back_is_known_and_goes_round_no_further(tmp_path: Path) -> None:
    port = free_port()
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    with node(tmp_path, there) as storage:
        scp = start_scp(storage, 0)
        try:
            back = {"node": ("MEDIVIEW", "127.0.0.1", scp.port)}
            with orthanc(tmp_path, port=port, modalities=back) as pacs:
                uids = with_results(storage)
                assert deliver_due(storage, utcnow(), "sender") == 2
                sent = pacs.post("/modalities/node/store", pacs.get("/instances"))
                assert (sent["InstancesCount"], sent["FailedInstancesCount"]) == (2, 0)
        finally:
            scp.shutdown(grace_s=1.0)
        complete_and_schedule(storage, later(10), (BrightRegion(),))
        assert storage.jobs.list()[1] == 1
        assert {one.sop_instance_uid for one in deliveries(storage)} == set(uids)
        assert storage.deliveries.due_count(later(3600)) == 0
        origins = {one.modality: one.origin for one in storage.index.series_of(study_uid("a"))}
        assert (origins["SEG"], origins["SR"]) == ("generated", "generated")
