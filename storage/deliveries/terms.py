"""What rules say about the sending: from when on, and what was otherwise about it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, or_, select, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.outbox.tables import DELIVERIES

_c = t.delivery.c
_WAITS_NO_MORE = {"waits_until": None, "note": ""}


def waits_for_no_hours(now: datetime) -> ColumnElement[bool]:
    return or_(_c.waits_until.is_(None), _c.waits_until <= now)


def wait_for_hours(
    engine: Engine,
    delivery_ids: Sequence[str],
    owner: str,
    until: datetime,
    note: str,
    now: datetime,
) -> None:
    """What `owner` claimed goes from `until` on, and was not tried. `note` says by which rule."""
    with writing(engine) as connection:
        connection.execute(
            update(t.delivery)
            .where(_c.delivery_id.in_(delivery_ids), DELIVERIES.is_owned(owner))
            .values(
                **DELIVERIES.released(until),
                state="PENDING",
                attempts=_c.attempts - 1,
                waits_until=until,
                note=note,
                updated_at=now,
            )
        )


def rules_that_wait(engine: Engine) -> list[str]:
    """Names of rules for whose hours something waits."""
    with reading(engine) as connection:
        query = select(_c.rule).where(_c.waits_until.is_not(None)).distinct().order_by(_c.rule)
        return list(connection.execute(query).scalars())


def change_hours(engine: Engine, rule: str, until: datetime, note: str, now: datetime) -> None:
    """What waits for the hours of a rule goes from `until` on; at once where that is now."""
    values = {"waits_until": until, "note": note} if until > now else _WAITS_NO_MORE
    with writing(engine) as connection:
        connection.execute(
            update(t.delivery)
            .where(_c.rule == rule, _c.waits_until.is_not(None), _c.state == "PENDING")
            .values(next_attempt_at=until, **values)
        )


def go_at_once(engine: Engine, study_instance_uid: str, now: datetime) -> None:
    """What waits of a study for the hours of a rule goes now, whatever they are."""
    of_study = _c.study_instance_uid == study_instance_uid
    with writing(engine) as connection:
        connection.execute(
            update(t.delivery)
            .where(of_study, _c.waits_until.is_not(None), _c.state == "PENDING")
            .values(next_attempt_at=now, is_urgent=True, **_WAITS_NO_MORE)
        )


def note_sending(engine: Engine, delivery_ids: Sequence[str], owner: str, note: str) -> None:
    """What was otherwise than the rule says about the sending of what `owner` has claimed."""
    with writing(engine) as connection:
        connection.execute(
            update(t.delivery)
            .where(_c.delivery_id.in_(delivery_ids), DELIVERIES.is_owned(owner))
            .values(note=note)
        )
