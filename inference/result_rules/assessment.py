"""A lesion's category by a rule. What is not known is never guessed: then there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from inference.pipeline_output import MORPHOLOGICALLY_ABNORMAL
from inference.result_rules.card import SIZES, Limits, Row, StatedCategory, StatedRule
from storage.core.findings import Finding, SegmentRef
from storage.lesions.entities import Lesion

KIND = "kind"


@dataclass(frozen=True)
class LesionFacts:
    """What is known of a lesion; `unknown` says of each other fact why it is not."""

    label: str
    kind: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        kind = [self.kind] if self.kind else []
        return ", ".join(
            [*kind, *(f"{_named(name)} {value:g}" for name, value in self.numbers.items())]
        )


@dataclass(frozen=True)
class Assessment:
    """`category` is None where it is not assessable; `reason` in words, without the subject."""

    category: StatedCategory | None
    reason: str


def facts_of(rule: StatedRule, lesion: Lesion, findings: Sequence[Finding]) -> LesionFacts:
    """By its type, its axes and the numbers that are stated of its segment."""
    numbers: dict[str, float] = {}
    unknown: dict[str, str] = {}
    long_mm, short_mm = lesion.long_axis_mm, lesion.short_axis_mm
    sizes = {
        "mean_diameter_mm": None
        if long_mm is None or short_mm is None
        else (long_mm + short_mm) / 2,
        "long_axis_mm": long_mm,
        "short_axis_mm": short_mm,
        "volume_mm3": lesion.volume_mm3,
    }
    of_lesion = [
        one
        for one in findings
        if one.segmentation is not None and one.segmentation.segment_number == lesion.segment_number
    ]
    unsound = _why_unsound(rule, of_lesion)
    for name in SIZES:
        value = sizes[name]
        if lesion.is_truncated:
            unknown[name] = "the images cut the lesion off"
        elif lesion.axes_method == "box":
            unknown[name] = "it was marked by a box, whose edges are no diameters"
        elif unsound:
            unknown[name] = unsound
        elif not value:
            unknown[name] = "it was not measured"
        else:
            numbers[name] = _rounded(value, rule.decimals)
    for name, wanted in rule.measures.items():
        stated = [
            one
            for one in of_lesion
            if _concept(one) == wanted.code
            and one.unit is not None
            and one.unit.value == wanted.unit
        ]
        value, why = _only_value(stated)
        if value is None:
            unknown[name] = why
        else:
            numbers[name] = _rounded(value, rule.decimals)
    kinds = [
        name
        for name, codes in rule.kinds.items()
        if (lesion.type.value, lesion.type.scheme_designator) in codes
    ]
    if len(kinds) != 1:
        unknown[KIND] = f"the result calls it {lesion.type.meaning} and no more"
    return LesionFacts(lesion.label, kinds[0] if len(kinds) == 1 else "", numbers, unknown)


def _why_unsound(rule: StatedRule, of_lesion: Sequence[Finding]) -> str:
    """Why what was outlined cannot stand for the lesion, by what its result says of it as a whole;
    empty where it can."""
    of_parts = {one.code for one in rule.measures.values()}
    for one in of_lesion:
        if one.validity is not None and not one.is_sound and _concept(one) not in of_parts:
            return f"the result calls its {one.code.meaning} {one.validity.state}"
    return ""


def _only_value(stated: Sequence[Finding]) -> tuple[float | None, str]:
    """The value, else why there is none."""
    if not stated:
        return None, "no result states it"
    for one in stated:
        if one.validity is not None and not one.is_sound:
            return None, f"its value is {one.validity.state}"
    if len(stated) > 1:
        return None, f"{len(stated)} values of it are stated"
    return stated[0].value, "it is stated without a value"


def _concept(finding: Finding) -> tuple[str, str]:
    return finding.code.value, finding.code.scheme_designator


def assess(rule: StatedRule, facts: LesionFacts) -> Assessment:
    """The most severe category that holds. One that may hold, and that is more severe than the
    first that does, leaves it open."""
    for one in rule.categories:
        found = [_holds(row, facts) for row in one.when]
        if any(missing == () for missing in found):
            return Assessment(one, facts.words)
        missing = next((missing for missing in found if missing), None)
        if missing is not None:
            why = "; ".join(
                f"its {_named(name)} is not known: {facts.unknown.get(name, 'nobody states it')}"
                for name in missing
            )
            return Assessment(None, f"{why}. Known: {facts.words or 'nothing'}")
    return Assessment(None, f"no category of the rule is for {facts.words or 'it'}")


def overall(
    rule: StatedRule, of_lesions: Mapping[str, Assessment], findings: Sequence[Finding] = ()
) -> Assessment:
    """The most severe of all lesions, unless one that is not assessable could be more severe.

    `findings` are those of the result, which say why it has no lesion, where it has none.
    """
    open_ = [label for label, one in of_lesions.items() if one.category is None]
    most, label = next(
        (
            (category, label)
            for category in rule.categories
            for label, one in of_lesions.items()
            if one.category == category
        ),
        (None, ""),
    )
    if open_ and most != rule.categories[0]:
        first = of_lesions[open_[0]].reason
        more = f" ({len(open_) - 1} more are not assessable)" if len(open_) > 1 else ""
        return Assessment(None, f"of {open_[0]}{more} {first}")
    if most is None:
        return Assessment(None, _why_no_lesion(rule, findings))
    return Assessment(most, f"by {label}: {of_lesions[label].reason}")


def _why_no_lesion(rule: StatedRule, findings: Sequence[Finding]) -> str:
    """Nothing was found, or what was found is no lesion to the node: then nobody may read that
    there is none."""
    drawn: dict[int, tuple[Finding, SegmentRef]] = {}
    for one in findings:
        if one.segmentation is not None and one.value != 0:
            drawn.setdefault(one.segmentation.segment_number, (one, one.segmentation))
    specks, others, meant = [], [], []
    for one, segment in drawn.values():
        kind = segment.type
        if segment.category is not None and segment.category.value == MORPHOLOGICALLY_ABNORMAL:
            specks.append(one.label)
            continue
        others.append(kind.meaning if kind is not None else one.label)
        if kind is not None and any(
            (kind.value, kind.scheme_designator) in codes for codes in rule.kinds.values()
        ):
            meant.append(kind.meaning)
    if specks:
        return f"no lesion is large enough to be measured by itself: {_listed(specks)}"
    if not others:
        return "there is no lesion"
    pipeline = findings[0].pipeline
    category = f"Morphologically Abnormal Structure ({MORPHOLOGICALLY_ABNORMAL}, SCT)"
    if meant:
        return (
            f"{pipeline} found {_listed(meant)} and its card does not say that this is a lesion:"
            f" the segment's category must be {category}"
        )
    return (
        f"there is no lesion: {pipeline} found {_listed(others)}, and lesions are segments whose"
        f" category in its card is {category}"
    )


def _listed(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")


def _holds(row: Row, facts: LesionFacts) -> tuple[str, ...] | None:
    """None where it does not hold; else the facts without which nobody knows, none if it does."""
    missing = []
    if row.kind is not None:
        if facts.kind and facts.kind != row.kind:
            return None
        if not facts.kind:
            missing.append(KIND)
    for name, limits in row.limits.items():
        value = facts.numbers.get(name)
        if value is None:
            missing.append(name)
        elif not _within(value, limits):
            return None
    return tuple(missing)


def _within(value: float, limits: Limits) -> bool:
    return (limits.at_least is None or value >= limits.at_least) and (
        limits.below is None or value < limits.below
    )


def _rounded(value: float, decimals: int) -> float:
    """Halves up, as people do: 5.95 is 6.0."""
    step = Decimal(1).scaleb(-decimals)
    return float(Decimal(f"{value:.6f}").quantize(step, ROUND_HALF_UP))


def _named(fact: str) -> str:
    """mean diameter (mm)."""
    for unit in ("mm3", "mm"):
        if fact.endswith(f"_{unit}"):
            return f"{fact.removesuffix(f'_{unit}').replace('_', ' ')} ({unit})"
    return fact.replace("_", " ")
