"""Pages, alike everywhere: `items`, `total`, `limit`, `offset`, and links (RFC 8288).

A list that has no `limit` and no `offset` is always told whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from api.base_schemas import Payload
from api.parameters import Limit, Offset

PageT = TypeVar("PageT", bound=Payload)


@dataclass(frozen=True)
class Paging:
    """Which page is asked for, and how its neighbours are called."""

    limit: int
    offset: int
    request: Request
    response: Response

    def page(self, kind: type[PageT], items: Sequence[Any], total: int) -> PageT:
        """The page as an answer, with links to the pages around it."""
        self.response.headers["Link"] = ", ".join(
            f'<{self._at(offset)}>; rel="{name}"' for name, offset in self._around(total).items()
        )
        return kind(items=list(items), total=total, limit=self.limit, offset=self.offset)

    def _around(self, total: int) -> dict[str, int]:
        found = {"first": 0, "last": max(0, (total - 1) // self.limit * self.limit)}
        if self.offset > 0:
            found["prev"] = max(0, self.offset - self.limit)
        if self.offset + self.limit < total:
            found["next"] = self.offset + self.limit
        return found

    def _at(self, offset: int) -> str:
        asked = [
            (name, value)
            for name, value in self.request.query_params.multi_items()
            if name not in ("limit", "offset")
        ]
        query = urlencode([*asked, ("limit", self.limit), ("offset", offset)])
        return f"{self.request.url.path}?{query}"


def _paging(request: Request, response: Response, limit: Limit = 50, offset: Offset = 0) -> Paging:
    return Paging(limit, offset, request, response)


PagingDep = Annotated[Paging, Depends(_paging)]
