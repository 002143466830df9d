"""What messages to people say, by language. Nothing in them is about a patient."""

from collections.abc import Mapping
from dataclasses import dataclass

from storage.core.interface_languages import InterfaceLanguage
from storage.webhooks.payloads import PING


@dataclass(frozen=True)
class Phrases:
    """`titles` by type of event; `{…}` is filled in."""

    titles: Mapping[str, str]
    parts: Mapping[str, str]
    """Of the node, as `/health` names them; a part without words stands as it is named."""
    opening: str
    further: str
    """How many studies or times of one kind are not listed."""
    further_kinds: str
    link: str
    nameless: str
    names: str


PHRASES: Mapping[InterfaceLanguage, Phrases] = {
    "en": Phrases(
        titles={
            "alert.raised": "Critical finding",
            "alert.repeated": "Critical finding not acknowledged",
            "job.failed": "Job failed",
            "delivery.failed": "Delivery failed",
            "destination.unreachable": "Destination out of reach",
            "destination.reachable": "Destination in reach again",
            "study.release_overdue": "Results await release",
            "node.degraded": "Part of the node does not work",
            "node.restored": "Part of the node works again",
            "node.disk_low": "Disk space is running out",
            "node.data_damaged": "Stored data is damaged",
            "model.drift": "Model drift",
            "access.emergency_started": "Emergency access",
            PING: "Test message",
        },
        parts={
            "database": "database",
            "objects": "object store",
            "broker": "broker",
            "worker": "workers",
            "dicom": "DICOM receiver",
            "disk": "disk",
            "disk_speed": "disk speed",
            "clock": "clock",
            "retention": "retention",
            "components": "components",
            "instances": "stored instances",
            "model_servers": "model servers",
            "access_rules": "access rules",
            "jobs": "jobs",
        },
        opening="The MediViewAI node {node} reports:",
        further="and {count} more",
        further_kinds="Other events: {count}",
        link="More on the node: {url}",
        nameless="This message names no patient. The links ask you to sign in.",
        names="This message names patients. Treat it as part of their records.",
    ),
    "de": Phrases(
        titles={
            "alert.raised": "Kritischer Befund",
            "alert.repeated": "Kritischer Befund nicht bestätigt",
            "job.failed": "Auftrag fehlgeschlagen",
            "delivery.failed": "Zustellung fehlgeschlagen",
            "destination.unreachable": "Ziel nicht erreichbar",
            "destination.reachable": "Ziel wieder erreichbar",
            "study.release_overdue": "Ergebnisse warten auf Freigabe",
            "node.degraded": "Teil des Knotens gestört",
            "node.restored": "Störung behoben",
            "node.disk_low": "Speicherplatz wird knapp",
            "node.data_damaged": "Gespeicherte Daten sind beschädigt",
            "model.drift": "Modelldrift",
            "access.emergency_started": "Notfallzugriff",
            PING: "Testnachricht",
        },
        parts={
            "database": "Datenbank",
            "objects": "Objektspeicher",
            "broker": "Broker",
            "worker": "Worker",
            "dicom": "DICOM-Empfang",
            "disk": "Festplatte",
            "disk_speed": "Geschwindigkeit der Festplatte",
            "clock": "Uhr",
            "retention": "Aufbewahrung",
            "components": "Komponenten",
            "instances": "gespeicherte Instanzen",
            "model_servers": "Modellserver",
            "access_rules": "Zugriffsregeln",
            "jobs": "Aufträge",
        },
        opening="Der MediViewAI-Knoten {node} meldet:",
        further="und {count} weitere",
        further_kinds="Weitere Ereignisse: {count}",
        link="Mehr auf dem Knoten: {url}",
        nameless="Diese Nachricht nennt keine Patienten. Die Links verlangen eine Anmeldung.",
        names="Diese Nachricht nennt Patienten. Behandeln Sie sie wie einen Teil der Akte.",
    ),
}
