"""The node and its pipelines as Device (hl7.org/fhir/R4/device.html)."""

import re
from importlib.metadata import version

from inference.fhir.resources import Device, DeviceName, DeviceVersion
from inference.fhir.types import (
    OWN,
    Annotation,
    CodeableConcept,
    Coding,
    Identifier,
    Reference,
    plain,
)
from inference.pipeline import Pipeline
from storage.settings import Settings

NODE_ID = "node"
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]")
_SOFTWARE = CodeableConcept(
    coding=[
        Coding(
            system="http://snomed.info/sct",
            code="706687001",
            display="Software (physical object)",
        )
    ],
    text="Software",
)


def device_id(pipeline: str, pipeline_version: str) -> str:
    """As FHIR allows identifiers: 64 letters, digits, dots and dashes."""
    return _NOT_IN_AN_ID.sub("-", f"pipeline.{pipeline}.{pipeline_version}")[:64]


def node_device(settings: Settings) -> Device:
    return Device(
        id=NODE_ID,
        identifier=[
            Identifier(system=f"{OWN}:ae-title", value=settings.ae_title),
        ],
        status="active",
        manufacturer="MediViewAI",
        device_name=[DeviceName(name="MediViewAI node")],
        type=_SOFTWARE,
        version=[DeviceVersion(value=version("mediview"))],
        url=settings.resolved_public_url,
    )


def pipeline_device(
    name: str,
    number: str,
    pipeline: Pipeline | None = None,
    *,
    why_inactive: str = "",
) -> Device:
    """`pipeline`: with its model's card, where it is installed."""
    versions = [DeviceVersion(type=plain("pipeline"), value=number)]
    notes = []
    model_number = None
    if pipeline is not None:
        card = pipeline.card
        model_number = f"{card.name} {card.version}".strip() or None
        if card.version:
            versions.append(DeviceVersion(type=plain("model"), value=card.version))
        versions += [
            DeviceVersion(type=plain(f"sha256 of {one.name}"), value=one.sha256)
            for one in card.files
        ]
        texts = {"Licence": card.licence, "Source": card.source, "Intended use": card.intended_use}
        notes = [Annotation(text=f"{what}: {text}") for what, text in texts.items() if text.strip()]
    return Device(
        id=device_id(name, number),
        identifier=[Identifier(system=f"{OWN}:pipeline", value=f"{name} {number}")],
        status="inactive" if why_inactive else "active",
        status_reason=[plain(why_inactive)] if why_inactive else None,
        manufacturer="MediViewAI",
        device_name=[DeviceName(name=pipeline.title if pipeline else name)],
        model_number=model_number,
        type=_SOFTWARE,
        version=versions,
        parent=Reference(reference=f"Device/{NODE_ID}", type="Device"),
        note=notes or None,
    )


def why_not(pipeline: Pipeline | None) -> str:
    """Why a pipeline states nothing just now; empty where it would."""
    if pipeline is None:
        return "This version is not installed any more."
    readiness = pipeline.readiness()
    return "" if readiness.ready else readiness.detail or "It is not ready."
