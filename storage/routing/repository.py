"""What routing still has to look at, and how far it came with a study."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, case, exists, func, or_, select, update

from storage import tables as t
from storage.core.entities import DeliveryCause, Series
from storage.db.engine import reading, writing
from storage.deliveries.repository import NOT_RELEASED
from storage.index.row_mapping import to_series
from storage.index.select_statements import select_series


@dataclass(frozen=True)
class Route:
    """The received instances of a study that go on to one destination."""

    destination: str
    cause: DeliveryCause
    rule: str
    """Empty where a person sent them."""
    total: int
    confirmed: int
    """The destination confirmed that it stores them."""
    sent: int
    """Answered with success, and never proven."""
    failing: int
    """Tried, not taken, and to be tried again."""
    last_error: str
    waiting: int = 0
    """For the hours of the rule."""
    waits_until: datetime | None = None
    """When the first of these goes."""
    note: str = ""
    """Why they wait, or what was otherwise about the sending than the rule says."""


class Routing:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting_series(
        self, limit: int, since: datetime | None = None, but_not: Collection[str] = ()
    ) -> list[Series]:
        """Received and complete, and not looked at as they are now; the oldest first.

        `since` looks only at series whose last instance came after it, which an index answers
        quickly; without it every series is looked at. `but_not`: SeriesInstanceUIDs.
        """
        conditions = [
            t.series.c.state == "COMPLETE",
            t.series.c.origin == "received",
            t.series.c.routed_fingerprint != t.series.c.fingerprint,
        ]
        if since is not None:
            conditions.append(t.series.c.last_instance_at >= since)
        if but_not:
            conditions.append(t.series.c.series_instance_uid.not_in(list(but_not)))
        query = (
            select_series(*conditions)
            .order_by(None)
            .order_by(t.series.c.last_instance_at, t.series.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [to_series(row) for row in connection.execute(query).mappings()]

    def looked_at(self, series: Sequence[Series], study_due_at: datetime | None) -> None:
        """The rules were asked about these. `study_due_at`: those for whole studies are then."""
        with writing(self._engine) as connection:
            for one in series:
                study = t.study.c.study_instance_uid == one.study_instance_uid
                connection.execute(
                    update(t.series)
                    .where(
                        t.series.c.study_fk == select(t.study.c.id).where(study).scalar_subquery(),
                        t.series.c.series_instance_uid == one.series_instance_uid,
                    )
                    .values(routed_fingerprint=one.fingerprint)
                )
                if study_due_at is not None:
                    connection.execute(update(t.study).where(study).values(route_at=study_due_at))

    def due_studies(self, now: datetime, limit: int, but_not: Collection[str] = ()) -> list[str]:
        """Of which all that was received is complete, for as long as was waited for."""
        receiving = exists().where(
            t.series.c.study_fk == t.study.c.id,
            t.series.c.origin == "received",
            or_(
                t.series.c.state == "RECEIVING",
                t.series.c.routed_fingerprint != t.series.c.fingerprint,
            ),
        )
        with reading(self._engine) as connection:
            return list(
                connection.execute(
                    select(t.study.c.study_instance_uid)
                    .where(
                        t.study.c.route_at <= now,
                        ~receiving,
                        t.study.c.study_instance_uid.not_in(list(but_not)),
                    )
                    .order_by(t.study.c.route_at)
                    .limit(limit)
                ).scalars()
            )

    def study_looked_at(self, study_instance_uid: str, due_at: datetime) -> None:
        """The rules for whole studies were asked when all was there that was due at `due_at`."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.study)
                .where(
                    t.study.c.study_instance_uid == study_instance_uid,
                    t.study.c.route_at <= due_at,
                )
                .values(route_at=None)
            )

    def study_due_at(self, study_instance_uid: str) -> datetime | None:
        """When the rules for whole studies are asked about it; none where they need not be."""
        query = select(t.study.c.route_at).where(t.study.c.study_instance_uid == study_instance_uid)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def routes_of(self, study_instance_uid: str) -> list[Route]:
        """By destination, and by what sends them there."""
        delivery = t.delivery.c
        waits = delivery.state.in_(("PENDING", "SENDING"))
        failing = (delivery.state == "REFUSED") | (waits & (delivery.last_error != ""))

        def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
            return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

        with reading(self._engine) as connection:
            rows = connection.execute(
                select(
                    delivery.destination,
                    delivery.cause,
                    delivery.rule,
                    func.count().label("total"),
                    count(delivery.state == "CONFIRMED").label("confirmed"),
                    count(delivery.state == "SENT").label("sent"),
                    count(failing).label("failing"),
                    func.max(case((failing, delivery.last_error), else_="")).label("last_error"),
                    count(delivery.waits_until.is_not(None)).label("waiting"),
                    func.min(delivery.waits_until).label("waits_until"),
                    func.max(delivery.note).label("note"),
                )
                .where(
                    delivery.study_instance_uid == study_instance_uid,
                    delivery.cause != "RESULT",
                    delivery.state.not_in((*NOT_RELEASED, "CANCELLED")),
                )
                .group_by(delivery.destination, delivery.cause, delivery.rule)
                .order_by(delivery.destination, delivery.cause, delivery.rule)
            )
            return [Route(**row) for row in rows.mappings()]
