"""Titles that could stand for others' are nobody's, wherever one is set."""

from pathlib import Path
from typing import Any

import pytest

from api.server.checks.exposure import check_ae_titles
from inference.access_groups.service import apply_rules
from inference.deliveries.destinations import checked_peer
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, as_node, limited_to
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.mpps.senders import Sender, reached_studies
from storage.peers.entities import KnownPeer
from storage.settings import Destination, Settings, load_settings

WRONG = ["ANY", "any", "*", "CT?", "CT*", "A\\B", "a title of seventeen", "É", "A\tB"]
RIGHT = ["ORTHANC", "ANY-SCP", "CT 1", "MANY", "x" * 16, "{A}~"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


@pytest.mark.parametrize("title", [*WRONG, "", " ", " CT"])
def test_a_peer_has_no_title_that_could_stand_for_others(title: str, settings: Settings) -> None:
    with pytest.raises(InvalidRequest, match="ae_title is not valid"):
        checked_peer(KnownPeer("ct", ae_title=title), settings)


@pytest.mark.parametrize("title", WRONG)
def test_no_setting_takes_such_a_title(title: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be the AE title of a peer"):
        Destination.parse(f"pacs={title}@pacs.example.org:104")
    with pytest.raises(ValueError, match="an AE title has 1 to 16 characters"):
        load_settings(data_dir=tmp_path, ae_title=title)


@pytest.mark.parametrize("title", RIGHT)
def test_others_stay_as_they_were(title: str, settings: Settings, tmp_path: Path) -> None:
    assert checked_peer(KnownPeer("ct", ae_title=title), settings).ae_title == title
    assert Destination.parse(f"pacs={title}@127.0.0.1:104").ae_title == title
    assert load_settings(data_dir=tmp_path, ae_title=title).ae_title == title


def test_doctor_names_peers_of_earlier_versions(storage: Storage) -> None:
    storage.peers.add(KnownPeer("robot", ae_title="ANY"))
    storage.peers.add(KnownPeer("ct", ae_title="CT1"))
    storage.peers.add(KnownPeer("web", kind="folder", folder="out"))
    (found,) = check_ae_titles(storage.peers)
    assert (found.state, found.detail.split(" cannot")[0]) == ("fail", "'ANY' of robot")
    storage.peers.remove("robot")
    assert list(check_ae_titles(storage.peers)) == []


def test_who_is_called_any_is_not_every_station(storage: Storage) -> None:
    """It neither finds orders of other groups nor reports steps of them; CT1 does both."""
    storage.access_groups.add("A", "", {"InstitutionName": "A"})
    storage.access_groups.give_unmatched_to("administrators")
    orders: dict[str, Any] = {}
    for station in ("ANY", "CT1"):
        step = {"Modality": "CT", "ScheduledStationAETitle": station}
        orders[station] = storage.worklist.add(
            {
                "StudyInstanceUID": f"2.25.{len(orders)}",
                "InstitutionName": "A",
                "ScheduledProcedureStepSequence": [step],
            }
        ).study_instance_uid
    apply_rules(storage, utcnow())
    storage.access_groups.enforce(wanted=True)
    visibility = Visibility("peer:x", (EVERYONE,), sees_unmatched=False)
    found = {}
    for title in orders:
        with limited_to(visibility):
            listed = {one.study_instance_uid for one in storage.worklist.open_items(title)}
        with as_node():
            reached = reached_studies(
                storage.engine, visibility, Sender("peer:x", title), list(orders.values())
            )
        found[title] = (listed, reached)
    assert found == {"ANY": (set(), set()), "CT1": ({orders["CT1"]}, {orders["CT1"]})}
