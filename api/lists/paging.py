"""Pages, alike everywhere: `items`, `total`, `limit`, `offset`, and links (RFC 8288).

A list that has no `limit` and no `offset` is always answered whole.
"""

from collections.abc import Mapping, Sequence
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
        self._link({name: self._at(offset=at) for name, at in self._around(total).items()})
        return kind(items=list(items), total=total, limit=self.limit, offset=self.offset)

    def _around(self, total: int) -> dict[str, int]:
        found = {"first": 0, "last": max(0, (total - 1) // self.limit * self.limit)}
        if self.offset > 0:
            found["prev"] = max(0, self.offset - self.limit)
        if self.offset + self.limit < total:
            found["next"] = self.offset + self.limit
        return found

    def _link(self, urls: Mapping[str, str]) -> None:
        self.response.headers["Link"] = ", ".join(
            f'<{url}>; rel="{name}"' for name, url in urls.items()
        )

    def _at(self, **where: int | str) -> str:
        """The same question about another page: `where` is its offset or cursor."""
        asked = [
            (name, value)
            for name, value in self.request.query_params.multi_items()
            if name not in ("limit", "offset", "cursor")
        ]
        query = urlencode([*asked, ("limit", self.limit), *where.items()])
        return f"{self.request.url.path}?{query}"


def _paging(request: Request, response: Response, limit: Limit = 50, offset: Offset = 0) -> Paging:
    return Paging(limit, offset, request, response)


PagingDep = Annotated[Paging, Depends(_paging)]
