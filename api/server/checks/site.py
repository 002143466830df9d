"""What the site configures beside settings, as `mediview doctor` sees it: rules, containers."""

from collections.abc import Iterator
from datetime import datetime

from api.server.checks.exposure import Check
from inference.containers.engine import engine_of
from inference.containers.kubernetes_client import has_account
from inference.delays.durations import at, sentence, span
from inference.rules.file import current_rules
from storage.core.errors import MediViewError
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.peers.repository import Peers
from storage.settings import Settings
from storage.settings.interfaces.ups_sources import PEER


def check_rules(settings: Settings, peers: Peers) -> Iterator[Check]:
    """The rules file, and peers that its rules name and nobody has added."""
    try:
        rules = current_rules(settings)
    except MediViewError as error:
        yield Check("rules", "fail", error.message, error.remedy)
        return
    known = {peer.name for peer in peers.all()}
    for rule in (one for one in rules.routing if one.enabled):
        missing = [name for name in rule.to if name not in known]
        if missing:
            yield Check(
                "rules",
                "note",
                f"'{rule.name}' sends to {', '.join(missing)}, of which there is no peer: what goes"
                " there waits",
                f"mediview peers add {missing[0]} ADDRESS",
            )
    known |= {one.name for one in settings.hl7_destinations}
    for release in rules.release:
        missing = [name for name in release.to or () if name not in known]
        if missing:
            yield Check(
                "rules",
                "note",
                f"'{release.name}' is about {', '.join(missing)}, neither a peer nor an HL7 system:"
                " a name written wrongly keeps nothing back",
                "mediview peers list; then correct the rules file",
            )


def check_worklists(settings: Settings, peers: Peers) -> Iterator[Check]:
    """Peers whose worklists are asked by DIMSE, and that nobody could call."""
    callable_peers = {one.name for one in peers.all() if one.host and one.ae_title}
    for name, address in settings.ups_sources:
        peer = address.removeprefix(PEER)
        if address.startswith(PEER) and peer not in callable_peers:
            yield Check(
                "worklists",
                "fail",
                f"MEDIVIEW_UPS_SOURCES asks {peer} for the workitems of '{name}', and no peer of"
                " that name has an address that DICOM could call",
                f"mediview peers add {peer} AE@HOST:PORT",
            )


def check_out_of_reach(
    peers: Peers, circuit_breakers: CircuitBreakers, now: datetime
) -> Iterator[Check]:
    """Peers that did not answer when they were last called for a delivery."""
    known = {one.name for one in peers.all()}
    for one in circuit_breakers.all():
        if one.destination in known:
            yield Check(
                "destinations",
                "fail",
                f"{one.destination} has been out of reach for {span(now - one.since)}"
                f" ({sentence(one.last_error)}); what is to go there waits",
                f"mediview peers test {one.destination}; the next call is at {at(one.open_until)}",
            )


def check_container_engine(settings: Settings) -> Iterator[Check]:
    """The engine that runs models in containers, where the site names one."""
    if not settings.container_engine:
        return
    if settings.container_engine == "kubernetes" and not has_account():
        yield Check(
            "containers",
            "note",
            "jobs of Kubernetes are made by the account of the workers, which this process has not",
            "Ask in a pod of them: kubectl exec deploy/mediview-worker-jobs -- mediview doctor",
        )
        return
    try:
        version = engine_of(settings).version()
    except MediViewError as error:
        yield Check("containers", "fail", error.message, error.remedy)
    else:
        yield Check("containers", "ok", f"{settings.container_engine} {version} answers")
