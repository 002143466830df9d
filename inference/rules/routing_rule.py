"""Which received images go on to other places."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from inference.rules.conditions import Condition, as_list
from inference.rules.facts import OF_SERIES, is_of_results
from inference.rules.sending import SendingTerms

SentAs = Literal["series", "study", "instance"]


class RoutingRule(SendingTerms):
    """Received images, or results, that go on to other places."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    when: Condition | None = None
    to: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
    """Names of peers."""
    what: Literal["received", "results", "both"] = "received"
    """What was received, what pipelines made of it, or both. With a condition on findings what
    was received goes, too, once a pipeline has found them."""
    send: SentAs = "series"
    """Each series for which the condition holds, as soon as it is complete; the whole study, once
    all of it is complete, where the condition holds for any of its series; or each instance for
    which it holds, as it arrives."""

    @model_validator(mode="after")
    def _of_instances(self) -> Self:
        if self.send != "instance":
            return self
        if self.waits_for_results:
            raise ValueError("send: instance is of what is received; results go as they are made")
        asked = sorted(OF_SERIES.intersection(self.when.names() if self.when else ()))
        if asked:
            raise ValueError(
                f"send: instance asks of each instance alone, and {asked[0]} is known of a series;"
                " use send: series"
            )
        return self

    @property
    def asks_for_findings(self) -> bool:
        return self.when is not None and any(map(is_of_results, self.when.names()))

    @property
    def waits_for_results(self) -> bool:
        """Whether it is asked when a pipeline has ended, perhaps beside the time of receipt."""
        return self.what != "received" or self.asks_for_findings

    @property
    def is_of_receipt(self) -> bool:
        """Whether it is asked when something is complete."""
        return self.what != "results" and not self.asks_for_findings
