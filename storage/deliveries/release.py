"""Results that leave once a person has accepted them: let them go, or withhold them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Engine, select, update

from storage import tables as t
from storage.core.entities import DeliveryState
from storage.db.engine import reading, writing
from storage.deliveries.claiming import announce
from storage.deliveries.repository import NOT_RELEASED
from storage.deliveries.row_mapping import to_delivery

ReleaseDecision = Literal["release", "withhold"]

_BECOMES: dict[ReleaseDecision, DeliveryState] = {"release": "PENDING", "withhold": "WITHHELD"}


@dataclass(frozen=True)
class ReleaseScope:
    """Which results of a study; None: all of them."""

    study_instance_uid: str
    job_id: str | None = None
    destination: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        columns = t.delivery.c
        found = [columns.study_instance_uid == self.study_instance_uid]
        if self.job_id is not None:
            found.append(columns.job_id == self.job_id)
        if self.destination is not None:
            found.append(columns.destination == self.destination)
        return found


def decide_release(
    engine: Engine, scope: ReleaseScope, decision: ReleaseDecision, now: datetime
) -> dict[str, int]:
    """How many instances the decision changed, by destination.

    What was withheld can be released later. What has left is not called back by withholding.
    """
    state = _BECOMES[decision]
    with writing(engine) as connection:
        rows = connection.execute(
            update(t.delivery)
            .where(
                *scope.conditions(),
                t.delivery.c.state.in_(NOT_RELEASED),
                t.delivery.c.state != state,
            )
            .values(state=state, next_attempt_at=now, updated_at=now)
            .returning(*t.delivery.c)
        )
        changed = [to_delivery(row) for row in rows.mappings()]
        announce(connection, changed, state, now)
    counts: dict[str, int] = {}
    for one in changed:
        counts[one.destination] = counts.get(one.destination, 0) + 1
    return counts


def states_of(
    engine: Engine, study_instance_uid: str, destination: str
) -> dict[str, DeliveryState]:
    """How far each SOP instance of a study that was ever wanted there is."""
    columns = t.delivery.c
    with reading(engine) as connection:
        rows = connection.execute(
            select(columns.sop_instance_uid, columns.state).where(
                columns.study_instance_uid == study_instance_uid,
                columns.destination == destination,
            )
        )
        return {row.sop_instance_uid: row.state for row in rows}


def overdue_studies(engine: Engine, before: datetime, limit: int) -> list[str]:
    """Studies whose results have waited for their release since before that time, by their UID."""
    columns = t.delivery.c
    with reading(engine) as connection:
        rows = connection.execute(
            select(columns.study_instance_uid)
            .where(columns.state == "AWAITING_RELEASE", columns.created_at < before)
            .group_by(columns.study_instance_uid)
            .order_by(columns.study_instance_uid)
            .limit(limit)
        )
        return list(rows.scalars())
