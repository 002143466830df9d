"""Views that are shared by links: each for a time, and until its owner revokes it.

A link opens for whom access groups let see its study, and for nobody else. Who may not is answered
as if there were none.
"""

import uuid
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.errors import NotFound, SharedViewOver, TooManyRequests
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.shared_views.entities import SharedView

OPEN_AT_MOST = 200
"""By one person at a time."""
_MADE_AT_MOST = 1000
"""By one person within the time that links are remembered, whatever became of them."""
_REMEMBERED = timedelta(days=30)
"""How long a link is answered by why it opens nothing any more."""
_COLUMNS = [t.shared_view.c[field.name] for field in fields(SharedView)]

NEWEST_SHARED_VIEWS = Keyset[SharedView](
    "shared_views",
    (
        SortColumn.of(t.shared_view.c.created_at, falls=True),
        SortColumn.of(t.shared_view.c.shared_view_id),
    ),
)


class SharedViews:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def share(
        self, study_instance_uid: str, view: dict[str, Any], owner_id: str, valid_for: timedelta
    ) -> SharedView:
        """Under a new random identifier. Raises TooManyRequests beyond `OPEN_AT_MOST`."""
        now = utcnow()
        shared = SharedView(
            str(uuid.uuid4()), study_instance_uid, owner_id, view, now, now + valid_for, None
        )
        with as_node(), writing(self._engine) as connection:
            _forget_old(connection, now)
            _check_room(connection, owner_id, now)
            connection.execute(
                insert(t.shared_view).values(
                    {field.name: getattr(shared, field.name) for field in fields(SharedView)}
                )
            )
        return shared

    def get(self, shared_view_id: str) -> SharedView:
        """Whether it opens or not. Raises NotFound, also where the study is not to be seen."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(*_COLUMNS).where(t.shared_view.c.shared_view_id == shared_view_id)
            ).one_or_none()
        if row is None:
            raise _not_found()
        return SharedView(**row._mapping)

    def list(
        self,
        owner_id: str,
        study_instance_uid: str | None = None,
        *,
        limit: int,
        offset: int = 0,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[SharedView], int]:
        """Those of the owner that open now, the newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_SHARED_VIEWS`).
        """
        statement = (
            select(*_COLUMNS)
            .where(t.shared_view.c.owner_id == owner_id, _is_open(utcnow()))
            .order_by(*NEWEST_SHARED_VIEWS.order())
        )
        if study_instance_uid is not None:
            statement = statement.where(t.shared_view.c.study_instance_uid == study_instance_uid)
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [SharedView(**dict(row)) for row in rows], total

    def revoke(self, shared_view_id: str, owner_id: str) -> SharedView:
        """Also by an owner who may not see the study any more. Again, it changes nothing.

        Raises NotFound, also for that of somebody else.
        """
        own = (t.shared_view.c.shared_view_id == shared_view_id) & (
            t.shared_view.c.owner_id == owner_id
        )
        with as_node(), writing(self._engine) as connection:
            connection.execute(
                update(t.shared_view)
                .where(own, t.shared_view.c.revoked_at.is_(None))
                # What it showed opens for nobody any more.
                .values(revoked_at=utcnow(), view={})
            )
            row = connection.execute(select(*_COLUMNS).where(own)).one_or_none()
        if row is None:
            raise _not_found()
        return SharedView(**row._mapping)


def check_opens(shared: SharedView) -> None:
    """Raises SharedViewOver."""
    ended = ""
    if shared.revoked_at is not None:
        ended = "This link was revoked by the person who shared it."
    elif shared.expires_at <= utcnow():
        ended = "This link has expired."
    if ended:
        raise SharedViewOver(ended, remedy="Ask for a new link, or find the study in the list.")


def _check_room(connection: Connection, owner_id: str, now: datetime) -> None:
    """Raises TooManyRequests."""
    its = t.shared_view.c.owner_id == owner_id
    counted = select(func.count()).select_from(t.shared_view).where(its)
    open_now = connection.scalar(counted.where(_is_open(now))) or 0
    if open_now >= OPEN_AT_MOST:
        raise TooManyRequests(
            f"{open_now} links of yours are open, which is as many as one may have.",
            remedy="Revoke links that nobody needs any more.",
        )
    made = connection.scalar(counted) or 0
    if made >= _MADE_AT_MOST:
        raise TooManyRequests(
            f"You have shared {made} views lately, which is as many as one may.",
            remedy=f"Links are forgotten {_REMEMBERED.days} days after they would have expired.",
        )


def _is_open(now: datetime) -> ColumnElement[bool]:
    return t.shared_view.c.revoked_at.is_(None) & (t.shared_view.c.expires_at > now)


def _forget_old(connection: Connection, now: datetime) -> None:
    connection.execute(delete(t.shared_view).where(t.shared_view.c.expires_at < now - _REMEMBERED))


def _not_found() -> NotFound:
    return NotFound(
        "There is no view under this link.",
        remedy="Check that the link is complete. It opens for those alone who may see the study.",
    )
