"""Messages of strangers: read within limits, checked as far as the hub has to know them.

A hub does not validate resources (FHIRcast 3.0.0, 2.10); it reads what an event is about.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from storage.core.accession_issuers import AccessionIssuer
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.fhircast.accessions import is_accession, issuer_of_identifier
from storage.fhircast.event_names import ANCHORS, HEARTBEAT, KEYS, SYNC_ERROR, canonical

MESSAGE_MAX_BYTES = 256 * 1024
_MAX_ELEMENTS = 20_000
_MAX_KEYS = 16
_MAX_ENTRIES = 200
OWN_IDS = "mediview-"
"""Ids of what the node announces for a person begin so: other pages of that person ignore it."""
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_RESOURCE_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_DICOM_UID = "urn:dicom:uid"
_OID = "urn:oid:"

Json = dict[str, Any]


@dataclass(frozen=True)
class CastMessage:
    """An event, as it is sent: `message` is the whole JSON, `name` as the standard writes it."""

    message: Json
    name: str
    topic: str

    @property
    def event_id(self) -> str:
        return str(self.message["id"])

    @property
    def anchor(self) -> str:
        """What the event opens, closes or changes; "" for an infrastructure event."""
        anchor, sign, _ = self.name.partition("-")
        return anchor if sign else ""

    @property
    def change(self) -> str:
        return self.name.partition("-")[2]

    @property
    def event(self) -> Json:
        found: Json = self.message["event"]
        return found

    @property
    def version_id(self) -> str:
        return str(self.event.get("context.versionId", ""))

    def resources(self, key: str) -> list[Json]:
        return [
            one["resource"]
            for one in self.event["context"]
            if one["key"] == key and isinstance(one.get("resource"), dict)
        ]

    @property
    def resource_id(self) -> str:
        """Of the anchor's resource."""
        found = self.resources(KEYS[self.anchor])
        reference = next(
            (
                one.get("reference", {}).get("reference", "")
                for one in self.event["context"]
                if one["key"] == KEYS[self.anchor] and isinstance(one.get("reference"), dict)
            ),
            "",
        )
        given = found[0].get("id", "") if found else str(reference).rpartition("/")[2]
        return str(given)

    @property
    def study_uids(self) -> list[str]:
        """StudyInstanceUIDs of the studies that it names, all that each of them states."""
        return [uid for study in self.resources(KEYS["ImagingStudy"]) for uid in _study_uids(study)]

    @property
    def accession_numbers(self) -> list[tuple[str, AccessionIssuer]]:
        """With who issued each."""
        return [
            number
            for study in self.resources(KEYS["ImagingStudy"])
            for number in _accessions(study)
        ]

    def with_versions(self, version_id: str, prior: str = "") -> "CastMessage":
        """As the hub sends it: with the version that the context has after it."""
        event = {**self.event, "context.versionId": version_id}
        if prior:
            event["context.priorVersionId"] = prior
        return replace(self, message={**self.message, "event": event})

    def opening(self, anchor: str) -> "CastMessage":
        """The opening of a wider context that this one implies (2.5, Hub Generated open Events)."""
        names = ANCHORS[: ANCHORS.index(anchor) + 1]
        keys = {KEYS[name] for name in names}
        event = {
            "hub.topic": self.topic,
            "hub.event": f"{anchor}-open",
            "context": [one for one in self.event["context"] if one["key"] in keys],
        }
        return CastMessage({**self.message, "event": event}, f"{anchor}-open", self.topic)

    @property
    def updates(self) -> list[Json]:
        """The entries of an update's one Bundle. Raises InvalidRequest."""
        bundles = self.resources("updates")
        entries = bundles[0].get("entry", []) if len(bundles) == 1 else None
        if not isinstance(entries, list) or len(entries) > _MAX_ENTRIES:
            raise InvalidRequest(
                "The update has not one Bundle of at most"
                f" {_MAX_ENTRIES} entries under the key 'updates'.",
                remedy="Send one transaction Bundle with the changes.",
            )
        return [_checked_entry(one) for one in entries]


def read_message(body: bytes) -> CastMessage:
    """Raises InvalidRequest naming what is wrong, LimitExceeded."""
    try:
        decoded = load_bounded_json(body, _MAX_ELEMENTS, strict=True)
    except ValueError as error:
        raise _refused("The body is not JSON") from error
    message = checked_message(decoded)
    if message.event_id.startswith(OWN_IDS):
        raise _refused(f"'id' begins with '{OWN_IDS}', as those of the node's own events do")
    return message


def checked_message(decoded: Any) -> CastMessage:
    """Raises InvalidRequest."""
    if not isinstance(decoded, dict) or not isinstance(decoded.get("event"), dict):
        raise _refused("The message is not an object with an 'event'")
    event = decoded["event"]
    if not isinstance(decoded.get("id"), str) or not _ID.fullmatch(decoded["id"]):
        raise _refused("'id' is not a text of 1 to 128 visible ASCII characters")
    _check_time(decoded.get("timestamp"))
    topic, name = event.get("hub.topic"), event.get("hub.event")
    if not isinstance(topic, str) or not isinstance(name, str):
        raise _refused("'hub.topic' or 'hub.event' is missing")
    name = canonical(name)
    event = {**event, "hub.event": name}
    context = event.get("context")
    if (
        not isinstance(context, list)
        or len(context) > _MAX_KEYS
        or not all(isinstance(one, dict) and isinstance(one.get("key"), str) for one in context)
    ):
        raise _refused(f"'context' is not an array of at most {_MAX_KEYS} objects with a 'key'")
    found = CastMessage({**decoded, "event": event}, name, topic)
    if name == HEARTBEAT:
        raise _refused("Heartbeats are sent by the hub alone")
    if name == SYNC_ERROR:
        if len(found.resources("operationoutcome")) != 1:
            raise _refused("A SyncError has one OperationOutcome under 'operationoutcome'")
        return found
    if not _RESOURCE_ID.fullmatch(found.resource_id):
        raise _refused(f"The {found.anchor} under the key '{KEYS[found.anchor]}' has no valid id")
    kinds = {str(one.get("resourceType", "")) for one in found.resources(KEYS[found.anchor])}
    if kinds - {found.anchor}:
        raise _refused(f"What is under the key '{KEYS[found.anchor]}' is not a {found.anchor}")
    return found


def key_of(entry: Json) -> tuple[str, str]:
    """Type and id of the resource that an entry of an update puts or deletes."""
    resource = entry.get("resource")
    if isinstance(resource, dict):
        return str(resource.get("resourceType", "")), str(resource.get("id", ""))
    kind, _, resource_id = str(entry.get("fullUrl", "")).rstrip("/").rpartition("/")
    return kind.rpartition("/")[2], resource_id


def _checked_entry(entry: Any) -> Json:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise _refused("An entry of the update has no 'request'")
    method = entry["request"].get("method")
    kind, resource_id = key_of(entry)
    if method not in ("PUT", "DELETE") or (method == "PUT" and "resource" not in entry):
        raise _refused("An entry of the update is neither a PUT of a resource nor a DELETE")
    if not kind.isalpha() or not _RESOURCE_ID.fullmatch(resource_id):
        raise _refused("An entry of the update names no resource by its type and id")
    return entry


def _study_uids(study: Json) -> list[str]:
    found = []
    for identifier in _identifiers(study):
        # Padded, as DICOM pads.
        value = str(identifier.get("value", "")).strip(" \0\t\r\n")
        # Schemes and namespaces of URNs have no case (RFC 8141 3.1).
        if str(identifier.get("system", "")).strip().lower() == _DICOM_UID:
            uid = value[len(_OID) :] if value.lower().startswith(_OID) else value
            if len(uid) <= 64 and _UID.fullmatch(uid):
                found.append(uid)
    return found


def _accessions(study: Json) -> list[tuple[str, AccessionIssuer]]:
    based_on = study.get("basedOn")
    orders = [
        one["identifier"]
        for one in (based_on if isinstance(based_on, list) else [])
        if isinstance(one, dict) and isinstance(one.get("identifier"), dict)
    ]
    return [
        (str(one.get("value", "")).strip()[:64], issuer_of_identifier(one))
        for one in (*_identifiers(study), *orders)
        if is_accession(one) and str(one.get("value", "")).strip()
    ]


def _identifiers(resource: Json) -> list[Json]:
    given = resource.get("identifier")
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _check_time(given: Any) -> None:
    try:
        datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError as error:
        raise _refused("'timestamp' is not a time of ISO 8601") from error


def _refused(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"{what}.", remedy="Send an event as FHIRcast 3.0.0 describes it (2.6, 3)."
    )
