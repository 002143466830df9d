"""The rule of an access group: a condition over attributes, as the rules file has them.

It asks for DICOM keywords; `SendingApplicationEntityTitle` (PS3.10 7.1) is the AE title of who
sent the instance, or for which a procedure is scheduled. Under which AE title and from which
address it was sent can be asked of an instance, too. What is computed from all slices, such
as `plane`, is not there: the first instance that arrives decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydicom.dataset import Dataset

from inference.rules.conditions import Condition
from inference.rules.facts import FACTS, FINDING, ORDER, RECEIVED, SeriesFacts
from inference.rules.judge import Trace, judge
from storage.core.entities import StoreAssociation
from storage.core.errors import InvalidRequest

_REMEDY = (
    "Write it as `when` in the rules file, with keywords of DICOM, such as"
    " {'InstitutionName': 'St. Mary'}."
)


def read_rule(rule: Mapping[str, Any]) -> Condition:
    """Raises InvalidRequest naming what is wrong."""
    try:
        condition = Condition.model_validate(rule)
    except ValidationError as error:
        problems = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise InvalidRequest(f"The rule is wrong: {problems}.", remedy=_REMEDY) from error
    computed = sorted(
        name
        for name in set(condition.names())
        if name in FACTS or name == RECEIVED or name.startswith((FINDING, ORDER))
    )
    if computed:
        raise InvalidRequest(
            f"The rule asks for {', '.join(computed)}, which no single instance tells.",
            remedy=_REMEDY,
        )
    return condition


def try_rule(
    condition: Condition,
    header: Dataset,
    ae_titles: Sequence[str],
    associations: Iterable[StoreAssociation] = (),
) -> Trace:
    """Whether it holds for an instance or an order, and why. `associations`: by which it came."""
    facts = SeriesFacts([header], tuple(ae_titles), associations=frozenset(associations))
    return judge(condition, facts)
