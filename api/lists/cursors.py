"""Cursors: where a list goes on, as a text that this node alone can read."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Query, Request, Response
from sqlalchemy import ColumnElement

from api.base_schemas import CursorPage
from api.errors import ApiProblem
from api.lists.paging import Paging
from api.parameters import Limit, Offset
from storage.crypto.secret_box import Sealer
from storage.db.keyset import Keyset, KeyValue
from storage.settings import Settings

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)
PageT = TypeVar("PageT", bound=CursorPage)

# The node's base64 has letters that addresses would escape.
_TO_URL = str.maketrans("+/", "-_")
_FROM_URL = str.maketrans("-_", "+/")

_MOST_LETTERS = 4000
"""Fits names well beyond the 64 letters of a group (PS3.5 6.2); servers take addresses of 8 KB."""

Cursor = Annotated[
    str | None,
    Query(
        max_length=_MOST_LETTERS,
        description="`next_cursor` of the page before: what follows it, whatever was added since.",
    ),
]


class ReadPage(Protocol[RowT_co]):
    """Reads the rows of one page, and how many there are in all."""

    def __call__(
        self, *, limit: int, offset: int, beyond: ColumnElement[bool] | None
    ) -> tuple[Sequence[RowT_co], int]: ...


@dataclass(frozen=True)
class CursorPaging(Paging):
    """A page by its offset, or after the last item of another page."""

    cursor: str | None

    @property
    def _sealer(self) -> Sealer:
        settings: Settings = self.request.app.state.settings
        return Sealer(settings.data_dir)

    def beyond(self, keyset: Keyset[RowT]) -> ColumnElement[bool] | None:
        """The condition of the page beside those of the list. Raises ApiProblem."""
        if self.cursor is None:
            return None
        return keyset.beyond(_unsealed(self._sealer, keyset, self.cursor))

    def read(
        self,
        kind: type[PageT],
        keyset: Keyset[RowT],
        read: ReadPage[RowT],
        payload: Callable[[RowT], Any],
    ) -> PageT:
        """The page of a list whose items are made each from its own row."""
        rows, total = read(limit=self.limit, offset=self.offset, beyond=self.beyond(keyset))
        return self.page_of(kind, [payload(row) for row in rows], total, rows, keyset)

    def page_of(
        self,
        kind: type[PageT],
        items: Sequence[Any],
        total: int,
        rows: Sequence[RowT],
        keyset: Keyset[RowT],
    ) -> PageT:
        """`rows`: what the items were made from, in the same order."""
        links = self._around(total)
        if self.cursor is not None:
            links = {"first": 0}
            is_last = len(rows) < self.limit
        else:
            is_last = self.offset + len(rows) >= total
        following = "" if is_last or not rows else _sealed(self._sealer, keyset, rows[-1])
        named = {name: self._at(offset=offset) for name, offset in links.items()}
        if following and "offset" not in self.request.query_params:
            named["next"] = self._at(cursor=following)
        self._link(named)
        return kind(
            items=list(items),
            total=total,
            limit=self.limit,
            offset=self.offset,
            next_cursor=following or None,
        )


def _paging(
    request: Request,
    response: Response,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> CursorPaging:
    if cursor is not None and offset:
        raise ApiProblem(
            422,
            "invalid_cursor",
            "A page is asked for by `cursor` or by `offset`, not by both.",
            remedy="Leave one of them out.",
        )
    return CursorPaging(limit, offset, request, response, cursor)


CursorPagingDep = Annotated[CursorPaging, Depends(_paging)]


def _sealed(sealer: Sealer, keyset: Keyset[RowT], row: RowT) -> str:
    """Sealed, since a list that is sorted by names has one in it, and addresses are logged."""
    values = [
        value.isoformat() if isinstance(value, datetime) else value for value in keyset.key_of(row)
    ]
    return sealer.seal(json.dumps(values, ensure_ascii=False), _place(keyset)).translate(_TO_URL)


def _unsealed(sealer: Sealer, keyset: Keyset[Any], cursor: str) -> list[KeyValue]:
    text = sealer.unsealed(cursor.translate(_FROM_URL), _place(keyset))
    if text is None:
        raise ApiProblem(
            422,
            "invalid_cursor",
            "The cursor is not one of this list in this order.",
            remedy="Take `next_cursor` as it came, with the same `sort` and `order`;"
            " without a cursor the list begins at its start.",
        )
    return [
        datetime.fromisoformat(value) if one.kind is datetime else value
        for value, one in zip(json.loads(text), keyset.columns, strict=True)
    ]


def _place(keyset: Keyset[Any]) -> str:
    return f"cursor {keyset.name}"
