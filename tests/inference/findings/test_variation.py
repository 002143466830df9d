"""What two measurements of the same may lie apart is stated nowhere as a change."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from api.findings.serializers import finding_payload
from inference.findings.comparison import Comparison, Earlier, ReportRef
from inference.findings.facts import Fact
from inference.language.guard import Evidence as Known
from inference.language.guard import PriorFindings, StudyFacts, check_sentence
from inference.reports.draft import draft_sections
from inference.reports.llm_rephrasing import known_before
from inference.reports.locale import load_locale
from inference.results.narrative import shown_value
from inference.results.sr.numbers import measurements_of
from inference.results.sr.pdf import _shown_prior
from storage.core.caveats import Caveat
from storage.core.findings import Finding, Surface, Validity
from tests.inference.reports.known import brain, evidence, fact, lungs


def compared(now_cm3: float, then_cm3: float, now_date: str = "20240301") -> Finding:
    # A lesion of that size, on slices of 1 mm.
    validity = Validity("complete", surface=Surface(area_mm2=768.0, depth_mm=0.8))
    now, then = (
        replace(
            fact("Lesion 1 volume", "118565006", cm3, "cm3", "lesions").finding, validity=validity
        )
        for cm3 in (now_cm3, then_cm3)
    )
    earlier = Earlier(then, "20230301", then_cm3, ReportRef("", "", ""))
    key = now.tracking_identifier, now.label
    return Comparison(now_date, {key: earlier}).compared(now)


@pytest.mark.parametrize(
    ("now_cm3", "now_date", "rate"),
    [(0.9, "20230501", None), (4.0, "20230501", pytest.approx(598.8, abs=0.1)),
     (0.9, "20240301", pytest.approx(-54.9, abs=0.1))],
)  # fmt: skip
def test_nothing_loses_more_than_all_of_it_in_a_year(
    now_cm3: float, now_date: str, rate: float | None
) -> None:
    prior = finding_payload(compared(now_cm3, 2.0, now_date)).prior
    assert prior is not None
    assert prior.change_percent == pytest.approx((now_cm3 - 2) * 50)
    assert prior.change_percent_per_year == rate


@pytest.mark.parametrize(
    ("now", "is_told"), [(2.07, False), (1.9, False), (2.0, False), (2.25, True)]
)
def test_a_change_below_the_variation_is_in_no_result(now: float, is_told: bool) -> None:
    finding = compared(now, 2.0)
    prior = finding_payload(finding).prior
    assert prior is not None
    assert prior.within_variation is not is_told
    assert (prior.change_percent_per_year is not None) is is_told
    names = [one[0].ConceptNameCodeSequence[0].CodeValue for one in measurements_of([finding])]
    assert names == ["118565006", *(["125314", "change-per-year"] if is_told else [])]
    limit = f"{prior.variation_percent:.1f} %"
    note = (
        f"Not changed beyond the variation of the measurement ({limit}) since 2023-03-01;"
        " then 2.00 cm3."
    )
    volume = measurements_of([finding])[0][0]
    comments = [one.TextValue for one in volume.get("ContentSequence", ()) if "TextValue" in one]
    assert comments == ([] if is_told else [note])
    then, change = _shown_prior(finding)
    assert then == "2.00 cm³ (2023-03-01)"
    assert change.startswith("+12.5 %" if is_told else f"within variation ({limit})")


def test_one_value_is_rounded_alike_in_draft_and_results() -> None:
    finding = fact("Lesion 1 volume", "118565006", 14.35, "cm3", "lesions").finding
    shown = shown_value(finding), load_locale("en").quantity(14.35, finding.unit)
    assert shown == ("14.4 cm³", "14.4 cm³")  # as in the viewer
    assert load_locale("en").number(-0.25, 1) == "−0.3"


def test_the_impression_names_a_patient_outside_the_population() -> None:
    found = evidence(brain, "MR")
    validity = Validity(
        "complete", caveats=(Caveat("outside_population", "Outside the population: 3 years."),)
    )
    doubted = tuple(
        replace(one, finding=replace(one.finding, validity=validity)) for one in found.facts
    )
    for section in draft_sections(replace(found, facts=doubted), load_locale("en")):
        if section.kind in ("findings", "impression"):
            assert any("outside the population" in one.text for one in section.sentences)


@pytest.mark.parametrize("is_joined", [False, True])
def test_the_guard_compares_a_lesion_with_itself_and_with_no_part(is_joined: bool) -> None:
    now, other, then = (
        fact(f"Lesion {number} volume", "118565006", cm3, "cm3", "lesions", study)
        for number, cm3, study in ((1, 8.0, "2.25.1"), (1, 4.0, "2.25.2"), (2, 1.6, "2.25.2"))
    )
    now = replace(now, lesion_uid="2.25.11", is_joined=is_joined)
    # As lesions are numbered by size, the first of before is another one.
    before = replace(other, lesion_uid="2.25.12"), replace(then, lesion_uid="2.25.11")
    plain = evidence(brain, "CT", prior_factor=1.0)
    assert plain.prior is not None
    found = replace(plain, facts=(now,), prior=replace(plain.prior, facts=before))
    (known_now,) = known_before(found)
    stated = [(one.label, one.value) for one in known_now.findings]
    assert stated == ([] if is_joined else [("Lesion 1 volume", 1.6)])


def known(
    make: Callable[..., tuple[Fact, ...]], modality: str, factor: float, language: str
) -> tuple[list[str], Known]:
    found = evidence(make, modality, prior_factor=factor)
    assert found.prior is not None
    before = PriorFindings("20230312", tuple(one.finding for one in found.prior.facts))
    texts = [
        one.text
        for section in draft_sections(found, load_locale(language))
        for one in section.sentences
        if one.prior_finding_ids and one.finding_ids
    ]
    facts = StudyFacts(study_date="20240401", modalities=(modality,))
    return texts, Known(tuple(one.finding for one in found.facts), (before,), (), facts)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("make", "modality"), [(brain, "MR"), (lungs, "CT")])
def test_the_draft_tells_no_change_below_the_variation(
    make: Callable[..., tuple[Fact, ...]], modality: str, language: str
) -> None:
    texts, found = known(make, modality, 1.02, language)
    all_texts = " ".join(texts)
    for word in (
        "increased",
        "decreased",
        "lower",
        "higher",
        "Zunahme",
        "Abnahme",
        "niedriger als",
    ):
        assert word not in all_texts
    # Of a brain and a lung whose masks nobody has looked at.
    percent = "3.5" if modality == "MR" else "3.3"
    limits = {
        "en": [f"({percent}%)", "(3.7 percentage points)"],
        "de": [f"({percent.replace('.', ',')} %)", "(3,7 Prozentpunkte)"],
    }
    for limit in limits[language][: 1 if modality == "MR" else 2]:
        assert limit in all_texts
    for one in texts:
        assert check_sentence(one, found).supported, one


def test_the_guard_withholds_a_change_below_the_variation() -> None:
    _, found = known(brain, "MR", 1.02, "en")
    for sentence, is_supported in (
        ("The left hippocampus volume has decreased by 2.0% since 12 March 2023.", False),
        ("The left hippocampus volume has decreased since 12 March 2023.", False),
        ("The left hippocampus volume has decreased from 3.89 cm³ to 3.81 cm³.", False),
        ("The left hippocampus volume has not changed beyond the variation of the measurement"
         " (3.0%).", False),
        ("The left hippocampus volume has not changed beyond the variation of the measurement"
         " (3.1%) since 12 March 2023.", True),
    ):  # fmt: skip
        assert check_sentence(sentence, found).supported is is_supported, sentence
    beyond = replace(found, priors=known(brain, "MR", 1.1, "en")[1].priors)
    assert check_sentence("The left hippocampus volume has decreased by 9.1%.", beyond).supported
    assert not check_sentence(
        "The left hippocampus volume has not changed beyond the variation of the measurement.",
        beyond,
    ).supported
