"""What a rule concludes from facts, and where it concludes nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from inference.result_rules.assessment import Assessment, LesionFacts, assess, facts_of, overall
from inference.result_rules.card import RuleCard, StatedRule
from storage.core.clock import utcnow
from storage.core.findings import Code, Finding, SegmentRef, Validity
from tests.inference.lesions.matches import lesion

PAGE = (Path(__file__).parents[3] / "docs" / "pipelines" / "rules.md").read_text()

VOLUME = Code("118565006", "SCT", "Volume")
PART = Code("SOLIDPART", "99SITE", "Solid component")


def page_card() -> dict[str, Any]:
    found = re.search(r"^( *)```json card\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    card: dict[str, Any] = json.loads(found[2])
    return card


def rule() -> StatedRule:
    return RuleCard.model_validate(page_card()).rule


def category(kind: str = "", **numbers: float) -> str:
    unknown = {"kind": "nobody says", "solid_component_mm": "no result states it"}
    found = assess(rule(), LesionFacts("Nodule 1", kind, numbers, unknown))
    return found.reason if found.category is None else found.category.category


@pytest.mark.parametrize(
    ("mean_diameter_mm", "expected"),
    [(5.9, "2"), (6.0, "3"), (7.9, "3"), (8.0, "4A"), (14.9, "4A"), (15.0, "4B")],
)
def test_solid_nodules_at_baseline_have_the_categories_of_lung_rads(
    mean_diameter_mm: float, expected: str
) -> None:
    assert category("solid", mean_diameter_mm=mean_diameter_mm) == expected


def test_a_fact_that_decides_and_is_not_known_leaves_it_open_and_others_do_not() -> None:
    assert category("part-solid", mean_diameter_mm=9.0) == (
        "its solid component (mm) is not known: no result states it."
        " Known: part-solid, mean diameter (mm) 9"
    )
    assert category("part-solid", mean_diameter_mm=5.0) == "2"
    assert category("ground glass", mean_diameter_mm=40.0) == "3"
    assert category(mean_diameter_mm=20.0).startswith("its kind is not known: nobody says")
    assert category("solid").startswith("its mean diameter (mm) is not known")


def stated(code: Code, value: float | None, unit: str, validity: Validity | None = None) -> Finding:
    """What a result states of the lesion `matches.lesion` makes."""
    return Finding(
        "1", "job", "1.2", "1.3", "nodules", "1.0", "Nodule 1", code, value,
        Code(unit, "UCUM", unit), None, "1", "2.25.1", SegmentRef("1.4", "1.5", 1, (255, 0, 0)),
        utcnow(), validity=validity,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["implausible", "truncated"])
def test_the_size_of_a_segment_that_its_result_calls_unsound_is_not_known(
    state: Literal["implausible", "truncated"],
) -> None:
    volume = stated(VOLUME, 4.2, "cm3", Validity(state))
    facts = facts_of(rule(), lesion("1", 9.0, 7.0), [volume])
    assert dict(facts.numbers) == {}
    assert facts.unknown["mean_diameter_mm"] == f"the result calls its Volume {state}"
    # What is said of a part of it alone does not concern the whole.
    part = stated(PART, 4.2, "mm", Validity(state))
    facts = facts_of(rule(), lesion("1", 9.0, 7.0), [part])
    assert facts.numbers["mean_diameter_mm"] == 8.0
    assert facts.unknown["solid_component_mm"] == f"its value is {state}"


def test_a_measure_that_is_stated_twice_or_without_a_value_says_so() -> None:
    def why(*findings: Finding) -> str:
        return facts_of(rule(), lesion("1", 9.0), findings).unknown["solid_component_mm"]

    one = stated(PART, 4.0, "mm")
    assert why() == "no result states it"
    assert why(one, stated(PART, 6.0, "mm")) == "2 values of it are stated"
    assert why(stated(PART, None, "mm")) == "it is stated without a value"
    assert facts_of(rule(), lesion("1", 9.0), [one]).numbers["solid_component_mm"] == 4.0


def test_the_most_severe_lesion_counts_unless_an_open_one_may_be_more_severe() -> None:
    stated = rule()
    known = {one.category: Assessment(one, "by size") for one in stated.categories}
    open_ = Assessment(None, "its kind is not known")
    assert overall(stated, {"1": known["2"], "2": known["4A"]}).reason == "by 2: by size"
    both = overall(stated, {"1": known["4A"], "2": open_})
    assert (both.category, both.reason) == (None, "of 2 its kind is not known")
    most = overall(stated, {"1": known["4B"], "2": open_}).category
    assert most is not None
    assert most.category == "4B"
    assert overall(stated, {}).category is None


def test_where_no_lesion_is_known_it_says_whether_nothing_was_found_or_the_card_names_none() -> (
    None
):
    def why(value: float, kind: tuple[str, str], category: str) -> str:
        segment = SegmentRef(
            "1.4", "1.5", 1, (255, 0, 0), Code(kind[0], "99SITE", kind[1]),
            category=Code(category, "SCT", ""),
        )  # fmt: skip
        found = replace(stated(VOLUME, value, "cm3"), segmentation=segment)
        return overall(rule(), {}, [found]).reason

    solid, anatomy, abnormal = ("SOLID", "Solid nodule"), "123037004", "49755003"
    category = "Morphologically Abnormal Structure (49755003, SCT)"
    assert why(0.9, solid, anatomy) == (
        "nodules found Solid nodule and its card does not say that this is a lesion:"
        f" the segment's category must be {category}"
    )
    page = PAGE.replace("model-nodules-in-lungs found", "nodules found")
    assert f"not assessable: By rule, because {why(0.9, solid, anatomy)}." in page
    assert why(0.9, ("LUNG", "Lung"), anatomy) == (
        "there is no lesion: nodules found Lung, and lesions are segments whose category in its"
        f" card is {category}"
    )
    specks = "no lesion is large enough to be measured by itself: Nodule 1"
    assert why(0.9, solid, abnormal) == specks
    assert why(0.0, solid, anatomy) == "there is no lesion"
    assert overall(rule(), {}).reason == "there is no lesion"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"categories": [{"category": "3", "code": ["3", "99", "3"], "when": [{}]}]}, "nothing"),
        ({"kinds": {"firm": [["SOLID", "99SITE"]]}}, "kind knows no 'solid'"),
        ({"examples": []}, "at least 1"),
        ({"measures": {}}, "limits knows no 'solid_component_mm'"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(change: dict[str, Any], says: str) -> None:
    card = page_card()
    card["rule"] |= change
    with pytest.raises(ValueError, match=says):
        RuleCard.model_validate(card)
