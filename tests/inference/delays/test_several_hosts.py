"""Why a study is late that one host of several has alone."""

from inference.delays.entities import Delay
from inference.delays.service import delay_of
from storage.container import Storage
from storage.processes.heartbeats import HANDLED
from tests.inference.orchestration import later, receive
from tests.inference.small import mr_series, study_uid
from tests.storage.hosts.conftest import settings_of, two_hosts, wait_briefly  # noqa: F401
from tests.storage.hosts.instances import TwoHosts, away


def asked(storage: Storage, after_s: float) -> Delay:
    storage.heartbeats.beat(HANDLED, later(after_s))
    return delay_of(storage, study_uid("head"), later(after_s), ())


def test_it_waits_for_the_bucket_and_for_the_host_that_is_to_copy_it(
    two_hosts: TwoHosts,  # noqa: F811
) -> None:
    north, south = two_hosts
    receive(north.storage, mr_series("head", 4))

    arriving = asked(south.storage, 1)
    assert (arriving.cause, arriving.expected_at is None) == ("receiving", False)
    copying = asked(south.storage, 20)
    assert copying.cause == "copying"
    own_id = north.storage.hosts.own_id()
    assert "4 instances have not been copied to the bucket yet" in copying.sentence
    assert own_id in copying.sentence
    # It does not come by itself where the bucket is out of the host's reach.
    assert copying.expected_at is None
    assert "the series is complete without" in copying.sentence
    assert "this host does it" in asked(north.storage, 20).sentence

    away(south.storage, own_id)
    gone = asked(south.storage, 20)
    assert gone.cause == "host_away"
    assert f"({own_id}) has 4 instances that no other has, and gave no sign" in gone.sentence
    assert gone.since is not None
    assert gone.since < later(-60)

    north.keep_in_order()
    decided = asked(south.storage, 20)
    assert (decided.cause, decided.expected_at) == ("receiving", None)
    assert "as soon as the control worker next looks for work" in decided.sentence
