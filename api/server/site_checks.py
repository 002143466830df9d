"""What the site configures beside settings, as `mediview doctor` sees it: rules, containers."""

from collections.abc import Iterator

from api.server.exposure_checks import Check
from inference.containers.engine import engine_of
from inference.rules.file import current_rules
from storage.container import Storage
from storage.core.errors import MediViewError
from storage.settings import Settings


def check_rules(storage: Storage) -> Iterator[Check]:
    """The rules file, and peers that its rules name and nobody has added."""
    try:
        rules = current_rules(storage.settings)
    except MediViewError as error:
        yield Check("rules", "fail", error.message, error.remedy)
        return
    known = {peer.name for peer in storage.peers.all()}
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


def check_container_engine(settings: Settings) -> Iterator[Check]:
    """The engine that runs models in containers, where the site names one."""
    if not settings.container_engine:
        return
    try:
        version = engine_of(settings).version()
    except MediViewError as error:
        yield Check("containers", "fail", error.message, error.remedy)
    else:
        yield Check("containers", "ok", f"{settings.container_engine} {version} answers")
