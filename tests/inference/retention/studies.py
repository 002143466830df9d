"""Studies that are there for some days, and the rules that are asked of them."""

from datetime import datetime, timedelta

from inference.retention.assessment import Retention
from inference.retention.service import RetentionRounds, Round
from inference.rules.file import read_rules
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.core.uids import derive_uid
from tests.storage.instances import part10


def with_rules(storage: Storage, text: str) -> None:
    """The site's rules; `text` is what stands below `retention:`."""
    storage.settings.resolved_rules_file.write_text(f"version: 1\nretention:\n{text}")


def study(storage: Storage, name: str, *, source: str = "dimse:CT1", **attributes: object) -> str:
    """A complete study of one instance that has just arrived; its UID."""
    accepted = storage.ingest.accept(part10(study=name, **attributes), source)
    complete(storage, accepted.study_instance_uid)
    return accepted.study_instance_uid


def complete(storage: Storage, study_instance_uid: str) -> None:
    for series in storage.index.series_of(study_instance_uid):
        completed = storage.index.mark_complete(series, utcnow())
        if completed is not None:
            # As the worker does it, which asks the rules of routing.
            storage.routing.looked_at([completed], None)


def uid_of(name: str) -> str:
    return derive_uid("test", name)


def in_days(days: float) -> datetime:
    return utcnow() + timedelta(days=days)


def round_in(storage: Storage, days: float, rounds: RetentionRounds | None = None) -> Round:
    """A round of retention so many days from now; the node was running all the while."""
    last = storage.retention.last_round()
    if last:
        last["trusted_at"] = in_days(days - 1).isoformat()
        storage.retention.note_round(utcnow(), last)
    return (rounds or RetentionRounds(storage)).round(in_days(days))


def is_here(storage: Storage, study_instance_uid: str) -> bool:
    try:
        storage.index.study(study_instance_uid)
    except NotFound:
        return False
    return True


def why(storage: Storage, study_instance_uid: str, days: float = 31) -> list[str]:
    """Why a study stays so many days from now, by what is known without asking a peer."""
    rules = read_rules(storage.settings.resolved_rules_file).retention
    (assessment,) = Retention(storage, rules, in_days(days)).assess([study_instance_uid])
    return [one.text for one in assessment.reasons]
