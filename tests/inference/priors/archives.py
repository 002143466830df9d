"""A node that asks an Orthanc with earlier studies of the patient of `mr_series`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.priors.search_and_fetch import search_and_fetch_due
from inference.routing.rounds import RoutingRounds
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from storage.priors.entities import PriorFetch, PriorSearch
from tests.inference.deliveries.destinations.nodes import archive, node
from tests.inference.orchestration import later, receive
from tests.inference.small import BrightRegion, changed, mr_series
from tests.services import OrthancServer

EARLIER: Mapping[str, Mapping[str, str]] = {
    "2023": {"StudyDate": "20230105", "StudyDescription": "Head"},
    "2021": {"StudyDate": "20210105", "StudyDescription": "Head"},
    "2015": {"StudyDate": "20150105", "StudyDescription": "Head"},
    "2022-ct": {"StudyDate": "20220105", "Modality": "CT", "StudyDescription": "Chest"},
    "2025": {"StudyDate": "20250105", "StudyDescription": "Head"},
    # Another hospital's patient of the same ID, and somebody else who was given it.
    "issuer": {"StudyDate": "20220106", "IssuerOfPatientID": "ELSEWHERE"},
    "person": {"StudyDate": "20220107", "PatientBirthDate": "19771111"},
    # The same name, another ID.
    "name": {"StudyDate": "20220108", "PatientID": "Q-4712"},
}
"""By name of the study; the study of 2024-01-31 is the one that arrives."""

HEADS = """
priors:
  - name: earlier heads
    when: {Modality: MR}
    within_days: 1500
    at_most: 2
"""
ROUTING = "routing: [{name: everything, to: disk}]"


def fill(server: OrthancServer) -> None:
    for name, attributes in EARLIER.items():
        for content in mr_series(name, 2):
            server.post("/instances", changed(content, **attributes))


@contextmanager
def filled_archive(folder: Path) -> Iterator[tuple[OrthancServer, str]]:
    with archive(folder) as (server, url):
        fill(server)
        yield server, url


def as_archive(server: OrthancServer, **changes: Any) -> KnownPeer:
    wanted = {"name": "archive", "ae_title": "ORTHANC", "host": server.host, "port": server.port}
    return KnownPeer(**{**wanted, "is_archive": True, **changes})


def as_web_archive(url: str, **changes: Any) -> KnownPeer:
    return KnownPeer("web", kind="stow", url=url, is_archive=True, **changes)


def rules(storage: Storage, text: str) -> None:
    path = storage.settings.data_dir / "rules.yaml"
    # A file of the same size within one tick of the clock would pass as unchanged.
    path.write_text(f"{text}\n# {utcnow().isoformat()}\n")


def complete(storage: Storage) -> None:
    """What has arrived completes, and the rules are asked about it."""
    complete_and_schedule(storage, later(60), (BrightRegion(),))
    RoutingRounds(storage).round(utcnow())


def searches(storage: Storage) -> list[PriorSearch]:
    return storage.prior_searches.list()[0]


def fetches(storage: Storage) -> list[PriorFetch]:
    found, _ = storage.prior_fetches.list()
    return sorted(found, key=lambda one: one.study_date, reverse=True)


def work(storage: Storage) -> None:
    search_and_fetch_due(storage, "worker")


def here(storage: Storage) -> set[str]:
    return {one.study_instance_uid for one in storage.index.studies(100, 0)[0]}


def arrives(storage: Storage, **attributes: str) -> None:
    receive(storage, [changed(one, **attributes) for one in mr_series("now", 4)])
    complete(storage)


__all__ = ["node"]
