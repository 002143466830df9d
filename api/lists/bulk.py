"""One request about many things, with an answer for each."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from api.base_schemas import Payload
from api.errors import ApiProblem, status_of
from api.versioned import versioned_text
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.core.state_words import state_word

BulkId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""What is none of its kind is refused by itself, and stops none of the others."""
MOST = 500
"""How many things a request may be about."""


_CORRECT = "Take it from the list that names it."


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


def for_each(ids: Iterable[str], do: Callable[[str], str], pattern: str, what: str) -> BulkAnswer:
    """`do` with each id, once; it gives the state. What refuses one stops none of the others.

    What does not fit the pattern is refused as not being a `what`.

    A storage that is away or full ends it: what was done is answered as done, and that one and
    the rest as refused. Raises StorageUnavailable, StorageFull where nothing was done.
    """
    items: list[BulkItem] = []
    ended: MediViewError | None = None
    for one in dict.fromkeys(ids):
        try:
            if ended is not None:
                raise ended
            if re.fullmatch(pattern, one) is None:
                raise ApiProblem(
                    422, "validation_failed", f"This is not a valid {what}.", remedy=_CORRECT
                )
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
