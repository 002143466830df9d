"""What waits for somebody to decide on it or to remove it, and how much of its room it takes."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from storage.ingest.conflict_room import conflict_room
from storage.patient_identity.room import PatientRoom
from storage.ups.event_room import event_room
from storage.worklist.room import order_room


class KeptCollector(Collector):
    def __init__(self, engine: Engine) -> None:
        of_patients = PatientRoom(engine)
        self._rooms = {
            "conflicts": conflict_room(engine),
            "orders": order_room(engine),
            "workitem events": event_room(engine),
            "changes of patients": of_patients.changes,
            "messages about patients": of_patients.messages,
        }

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        labels = ["kind"]
        number = GaugeMetricFamily("mediview_kept", "Kept, by kind.", labels=labels)
        size_bytes = GaugeMetricFamily("mediview_kept_bytes", "Their bytes.", labels=labels)
        part = GaugeMetricFamily(
            "mediview_kept_room_ratio",
            "The part of its room that the sender with most has taken; at 1 it is refused.",
            labels=labels,
        )
        for kind, room in self._rooms.items():
            usage = room.usage()
            number.add_metric([kind], usage.number)
            size_bytes.add_metric([kind], usage.size_bytes)
            part.add_metric([kind], usage.largest_part)
        yield from (number, size_bytes, part)
