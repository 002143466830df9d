"""Which received images go on to other places."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from inference.rules.conditions import Condition, as_list
from inference.rules.sending import SendingTerms


class RoutingRule(SendingTerms):
    """Received images that go on to other places."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    when: Condition | None = None
    to: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
    """Names of peers."""
    send: Literal["series", "study"] = "series"
    """Each series for which the condition holds, as soon as it is complete; or the whole study,
    once all of it is complete, where the condition holds for any of its series."""
