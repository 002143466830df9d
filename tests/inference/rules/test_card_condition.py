"""A model's card asks the same of a series as the site's rules; where nobody knows how it came,
that part is left out."""

from dataclasses import replace
from typing import Any

import pytest

from inference.rules.card_condition import judge_card, received_as_known
from inference.rules.conditions import Condition
from storage.core.entities import Instance
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import series_uid, study_uid

HERE = {"SendingApplicationEntityTitle": "TEST"}
ELSEWHERE = {"SendingApplicationEntityTitle": "CT2"}
MR, CT = {"Modality": "MR"}, {"Modality": "CT"}
ORDERED = {"order.AccessionNumber": {"present": True}}


@pytest.mark.parametrize(
    ("condition", "known", "unknown"),
    [
        (MR, True, True),
        (CT, False, False),
        (HERE, True, None),
        (ELSEWHERE, False, None),
        ({"not": ELSEWHERE}, True, None),
        ({"all": [HERE, MR]}, True, True),
        ({"all": [ELSEWHERE, MR]}, False, True),
        ({"all": [HERE, CT]}, False, False),
        ({"any": [HERE, CT]}, True, None),
        ({"any": [ORDERED, CT]}, False, None),
        ({"all": [{"not": ORDERED}, {"any": [CT, MR]}]}, True, True),
    ],
)
def test_what_a_card_asks_of_how_a_series_came(
    tmp_path: Any, condition: dict[str, Any], known: bool, unknown: bool | None
) -> None:
    asked = Condition.model_validate(condition)
    with storage_in(tmp_path) as storage:
        complete_series(storage, "a", 4)
        instances = storage.index.instances_of(study_uid("a"), series_uid("a"))
        read = storage.instances.headers(instances)
        with received_as_known(storage.index.instances_of, storage.worklist):
            trace = judge_card(asked, read)
        assert trace is not None
        assert trace.holds is known
        left = judge_card(asked, read)
        assert (None if left is None else left.holds) is unknown


def test_of_one_image_only_its_own_sender_counts(tmp_path: Any) -> None:
    with storage_in(tmp_path) as storage:
        complete_series(storage, "a", 4)
        found = storage.index.instances_of(study_uid("a"), series_uid("a"))

        def from_two(*_: str) -> list[Instance]:

            return [replace(found[0], source="dimse:CT2"), *found[1:]]

        read = storage.instances.headers(found)
        with received_as_known(from_two, storage.worklist):
            holds = [
                trace.holds
                for header in read
                if (trace := judge_card(Condition.model_validate(ELSEWHERE), [header])) is not None
            ]
        assert holds == [True, False, False, False]
