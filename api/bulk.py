"""One request about many things, with an answer for each."""

from collections.abc import Callable, Iterable

from pydantic import Field

from api.base_schemas import Payload
from api.errors import ApiProblem, status_of
from api.versioned import versioned_text
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.core.state_words import state_word

MOST = 500
"""How many things a request may be about."""


class BulkItem(Payload):
    """What came of one thing; a refusal reads as its own request's would."""

    id: str
    status: int = Field(description="As HTTP has it: 200, or that of a refusal.")
    state: str = Field("", description="Where it stands now, of what has a state.")
    code: str = Field("", description="Of a refusal, for programs.", examples=["not_found"])
    detail: str = ""
    remedy: str = ""


class BulkAnswer(Payload):
    """In the order of the request."""

    items: list[BulkItem]
    failed: int = Field(description="How many were refused.")


def for_each(ids: Iterable[str], do: Callable[[str], str]) -> BulkAnswer:
    """`do` with each id, once; it gives the state. What refuses one stops none of the others.

    A storage that is away or full ends it: what was done is answered as done, and that one and
    the rest as refused. Raises StorageUnavailable, StorageFull where nothing was done.
    """
    items: list[BulkItem] = []
    ended: MediViewError | None = None
    for one in dict.fromkeys(ids):
        try:
            if ended is not None:
                raise ended
            items.append(BulkItem(id=one, status=200, state=state_word(do(one))))
        except MediViewError as error:
            if isinstance(error, StorageUnavailable | StorageFull):
                if not any(item.status == 200 for item in items):
                    raise
                ended = error
            items.append(_refused(one, status_of(error), error.code, error.message, error.remedy))
        except ApiProblem as problem:
            items.append(
                _refused(one, problem.status, problem.code, problem.detail, problem.remedy)
            )
    return BulkAnswer(items=items, failed=sum(one.status != 200 for one in items))


def _refused(one: str, status: int, code: str, detail: str, remedy: str) -> BulkItem:
    return BulkItem(
        id=one,
        status=status,
        code=code,
        detail=versioned_text(detail),
        remedy=versioned_text(remedy),
    )
