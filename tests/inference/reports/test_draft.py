"""The template draft: what a radiologist reads, bound, and supported by its findings."""

from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.findings.facts import Fact, fact_of
from inference.findings.normal_ranges import NormalRanges
from inference.language.guard import Evidence as Known
from inference.language.guard import PriorFindings, StudyFacts, check_sentence
from inference.models.population import caveat_of
from inference.normal_ranges.subject import subject_of
from inference.pipelines.chest.lung_density import LungDensity
from inference.reports.draft import draft_sections, title_of
from inference.reports.evidence import Evidence
from inference.reports.locale import languages, load_locale, placeholders
from storage.core.caveats import Caveat
from storage.core.findings import Code, NormalRange, Validity
from storage.reports.entities import ReportSentence
from tests.inference.reports.known import brain, evidence, fact, head, lungs


def sentences(one: Evidence, language: str = "en") -> dict[str, list[ReportSentence]]:
    sections = draft_sections(one, load_locale(language))
    return {section.kind: list(section.sentences) for section in sections}


def texts(one: Evidence, language: str = "en") -> dict[str, list[str]]:
    return {kind: [s.text for s in stated] for kind, stated in sentences(one, language).items()}


CASES = [
    evidence(make, modality, prior_factor=factor, indication="Cough.")
    for make, modality in ((lungs, "CT"), (brain, "MR"), (head, "MR"))
    for factor in (None, 1.1, 1.0, 0.98)
]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("one", CASES)
def test_the_guard_supports_every_sentence_about_findings(one: Evidence, language: str) -> None:
    priors = ()
    if one.prior is not None:
        findings = tuple(fact.finding for fact in one.prior.facts)
        priors = (PriorFindings(one.prior.study.study_date, findings),)
    known = Known(
        tuple(fact.finding for fact in one.facts),
        priors,
        study=StudyFacts(study_date=one.study.study_date),
    )
    for kind in ("findings", "impression"):
        for sentence in sentences(one, language)[kind]:
            if sentence.basis == "findings":
                verdict = check_sentence(sentence.text, known)
                assert verdict.supported, (sentence.text, verdict.reasons)


def test_no_model_rewords_that_a_person_corrected_a_value() -> None:
    """The guard knows the value that counts alone, and withholds what states both."""
    volume, *_ = brain()
    corrected = fact_of(volume.finding, 1500.0, "Dr. Doe")
    stated = sentences(replace(evidence(brain, "MR"), facts=(corrected,)))["findings"]
    (told,) = [one for one in stated if "was corrected by Dr. Doe" in one.text]
    assert told.basis == "node"
    assert told.result_ids == (volume.finding.finding_id,)


def test_results_that_the_node_vouches_for_rest_on_their_findings() -> None:
    volume, *_ = brain()
    normal = NormalRange("cm3", 1000.0, 1500.0, "Cohort of 2020")
    for finding, words in (
        (replace(volume.finding, validity=Validity("truncated", ("inferior",))), "not measured"),
        (replace(volume.finding, validity=Validity("implausible", reason="No.")), "not plausible"),
        (replace(volume.finding, normal_range=normal), "Among reference values"),
    ):
        one = replace(evidence(brain, "MR"), facts=(fact_of(finding),))
        node = [
            s for of_section in sentences(one).values() for s in of_section if s.basis == "node"
        ]
        stating = [s for s in node if s.states_result]
        assert {words in s.text for s in stating} == {True}
        assert {s.result_ids for s in stating} == {(finding.finding_id,)}
        assert all(s.result_ids == () for s in node if s not in stating)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("one", CASES)
def test_every_finding_is_told_and_every_sentence_bound(one: Evidence, language: str) -> None:
    drafted_text = sentences(one, language)
    stated = {i for s in drafted_text["findings"] if s.basis == "findings" for i in s.finding_ids}
    assert stated == {fact.finding.finding_id for fact in one.facts}
    for sentence in (s for section in drafted_text.values() for s in section):
        bound = sentence.finding_ids or sentence.prior_finding_ids or sentence.series_instance_uids
        assert bound or sentence.basis in ("request", "node"), sentence
        assert "{" not in sentence.text


def test_a_limit_that_does_not_hold_for_the_patient_is_not_stated() -> None:
    def of_a_child(study_uid: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
        missing = NormalRange(missing="There are no reference values for people of 7 years.")
        return tuple(
            replace(fact, finding=replace(fact.finding, normal_range=missing))
            for fact in lungs(study_uid, factor)
        )

    limit = "is taken as a sign of emphysema"
    assert limit in " ".join(texts(evidence(lungs, "CT"))["impression"])
    assert limit not in " ".join(texts(evidence(of_a_child, "CT"))["impression"])


def with_caveats(facts: tuple[Fact, ...], *caveats: Caveat) -> tuple[Fact, ...]:
    return tuple(
        fact_of(replace(one.finding, validity=Validity("complete", caveats=caveats)))
        for one in facts
    )


def test_the_draft_names_what_is_outside_the_population_and_that_one_stack_was_analysed() -> None:
    found = evidence(lungs, "CT")
    header = Dataset()
    header.PatientAge, header.ContrastBolusAgent = "017Y", "Iopromide"
    caveat = caveat_of(LungDensity.card.population, [header])
    assert caveat is not None
    stacks = Caveat("part_of_series", "Of 2 stacks B30f is taken, B70f is not analysed.")
    found = replace(
        found,
        facts=with_caveats(found.facts, caveat, stacks),
        technique=(replace(found.technique[0], images=192, is_one_of_several_stacks=True),),
    )
    for language, outside, images, one_stack in (
        ("en", "made for (age, contrast agent)", "192 images in several stacks", "several stacks"),
        ("de", "gemacht ist (Alter, Kontrastmittel)", "192 Bilder in mehreren Stapeln",
         "mehrere Bildstapel"),
    ):  # fmt: skip
        stated = texts(found, language)
        assert images in stated["technique"][0]
        for section in ("findings", "impression"):
            assert len([one for one in stated[section] if outside in one]) == 1
            assert len([one for one in stated[section] if one_stack in one]) == 1


def test_a_lesion_is_stated_beside_the_total_that_holds_specks_as_well() -> None:
    """Where all others are too small, its own volume is called as the total is."""
    volume = replace(brain()[0].finding, label="Metastasis volume", value=13.404)
    total = replace(
        volume,
        finding_id="total",
        label="Metastasis volume, total of 1 lesion and others",
        value=13.428,
    )
    found = replace(evidence(brain, "MR"), facts=(fact_of(volume), fact_of(total)))
    stated = sentences(found)["findings"]
    bound = [set(one.finding_ids) for one in stated]
    assert {volume.finding_id} in bound
    assert {"total"} in bound
    assert sum("13.4 cm³" in one.text for one in stated) == 2


def test_the_draft_says_that_ages_contradict_and_that_inspiration_was_not_checked() -> None:
    header = Dataset()
    header.PatientSex, header.PatientBirthDate, header.PatientAge = "M", "19600101", "050Y"
    header.StudyDate = "20250101"

    def stated(language: str) -> str:
        ranges = NormalRanges(LungDensity.card.normal_ranges, subject_of(header))
        facts = tuple(fact_of(ranges.applied(one.finding)) for one in lungs())
        found = replace(evidence(lungs, "CT"), facts=facts)
        return " ".join(texts(found, language)["impression"])

    assert "Geburtsdatum und angegebenes Alter widersprechen sich" in stated("de")
    assert "Birth date and stated age of the patient contradict each other" in stated("en")
    # Also where the sex is asked for first.
    header.PatientSex = ""
    assert "stated age of the patient contradict" in stated("en")
    header.PatientSex = "M"
    # Without a height: the limit holds, and the volume cannot tell whether the breath was full.
    header.PatientAge = "065Y"
    assert "widersprechen" not in stated("de")
    assert "als Zeichen eines Emphysems" in stated("de")
    assert "in voller Inspiration entstanden ist, für die die Grenze gilt, wurde nicht" in stated(
        "de"
    )
    assert "was not checked: no normal lung volume" in stated("en")
    header.PatientSize = "1.75"
    assert "was not checked" not in stated("en")


def test_a_contrast_agent_without_a_name_is_stated_all_the_same() -> None:
    stated = texts(evidence(lungs, "CT", contrast_agent=""))
    assert stated["technique"][-1] == (
        "A contrast agent is recorded in the images, without its name."
    )
    assert "Contrast agent raises lung density, so LAA-950 may be too low." in stated["impression"]


def test_a_chest_ct_reads_as_radiologists_write() -> None:
    stated = texts(evidence(lungs, "CT", contrast_agent="IV"))
    assert stated["findings"][:3] == [
        "The lungs have a total volume of 4.84 L: right lung 2.63 L, left lung 2.21 L.",
        "Mean density of both lungs is −832 HU (right lung −832 HU, left lung −832 HU).",
        "Low-attenuation area below −950 HU (LAA-950) of both lungs is 3.12%"
        " (right lung 3.12%, left lung 3.12%).",
    ]
    assert stated["findings"][-1].startswith("Not assessed: nodules, ")
    assert stated["technique"] == [
        "CT of the chest: series 3, 133 images, slice thickness 2.5 mm.",
        "A contrast agent is recorded in the images (IV).",
    ]
    assert "Contrast agent raises lung density, so LAA-950 may be too low." in stated["impression"]


def test_change_is_told_with_its_date_and_direction() -> None:
    stated = texts(evidence(brain, "MR", prior_factor=1.1))
    assert stated["comparison"][0] == "MRI of 12 March 2023."
    assert (
        "The volume of the left hippocampus has decreased by 9.1% since 12 March 2023"
        " (from 4.19 cm³ to 3.81 cm³)." in stated["findings"]
    )
    # One wording within the variation, whether the values look alike or not.
    for factor in (1.0, 1.02):
        _, within, _ = texts(evidence(brain, "MR", prior_factor=factor))["impression"]
        assert within.startswith(
            "The volume of the brain has not changed beyond the variation of the measurement (3.5%)"
        )
    german = texts(evidence(brain, "MR", prior_factor=1.1), "de")
    assert (
        "Volumen des linken Hippocampus: Abnahme um 9,1 % seit dem 12. März 2023"
        " (von 4,19 cm³ auf 3,81 cm³)." in german["findings"]
    )


def right_lung(found: tuple[Fact, ...]) -> tuple[Fact, ...]:
    return tuple(one for one in found if one.side == "right")


@pytest.mark.parametrize("language", languages())
def test_one_lung_is_compared_where_the_other_was_not_measured_before(language: str) -> None:
    one = evidence(lungs, "CT", prior_factor=1.05)
    assert one.prior is not None
    before = replace(one.prior, facts=right_lung(one.prior.facts))
    for facts in (one.facts, right_lung(one.facts)):
        stated = sentences(replace(one, facts=facts, prior=before), language)
        compared = [s for s in stated["findings"] if s.prior_finding_ids]
        now = {fact.finding.finding_id: fact for fact in facts}
        assert [now[s.finding_ids[0]].slot for s in compared] == [
            "right_volume", "right_mean_density", "right_laa950", "right_perc15"
        ]  # fmt: skip
        assert [s for s in stated["impression"] if s.prior_finding_ids]
        assert len(stated["comparison"]) == 2  # its date, and from when on a change is stated
        known = Known(
            tuple(fact.finding for fact in facts),
            (PriorFindings("20230312", tuple(fact.finding for fact in before.facts)),),
            study=StudyFacts(study_date="20240401"),
        )
        for sentence in compared:
            verdict = check_sentence(sentence.text, known)
            assert verdict.supported, (sentence.text, verdict.reasons)


def test_parenchyma_and_intracranial_volume_are_compared() -> None:
    def head(study: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
        return tuple(
            fact(label, code, cm3 * factor, "cm3", "brain-structures", study)
            for label, code, cm3 in (
                ("Brain parenchyma volume", "PARENCHYMA", 1150.0),
                ("Intracranial volume", "ICV", 1450.0),
            )
        )

    stated = texts(evidence(head, "MR", prior_factor=1.1))["findings"]
    for what in ("volume of the brain parenchyma", "intracranial volume"):
        begins = f"The {what} has decreased by 9.1% since 12 March 2023"
        assert any(one.startswith(begins) for one in stated), stated


def test_an_earlier_study_of_which_nothing_is_compared_says_so_and_why() -> None:
    def with_unit(found: tuple[Fact, ...], unit: str) -> tuple[Fact, ...]:
        code = Code(unit, "UCUM", unit)
        return tuple(fact_of(replace(one.finding, unit=code)) for one in found)

    one = evidence(lungs, "CT", prior_factor=1.5)
    assert one.prior is not None
    label = replace(lungs()[0].finding, label="Nodule", value=None, unit=None, confidence=0.8)
    answers = replace(
        one, facts=(fact_of(label),), prior=replace(one.prior, facts=(fact_of(label),))
    )
    for nothing, why in (
        (replace(one, prior=replace(one.prior, study=replace(one.prior.study, study_date=""))),
         "it has no date"),
        (replace(one, prior=replace(one.prior, facts=with_unit(one.prior.facts, "mL"))),
         "its values are in other units"),
        (answers, "what a classifier answers is not compared"),
    ):  # fmt: skip
        stated = texts(nothing)
        assert stated["comparison"][1:] == [f"Nothing is compared with it: {why}."]
        assert "Nothing is compared with the earlier study." in stated["impression"]
        _, german = texts(nothing, "de")["comparison"]
        assert german.startswith("Damit wird nichts verglichen: ")


def test_nothing_is_said_to_be_absent_that_was_not_looked_for() -> None:
    for one in CASES:
        for text in (t for section in texts(one).values() for t in section):
            lowered = text.lower()
            if lowered.startswith(("no ", "there is no")):
                assert lowered.startswith(("no earlier", "no contrast agent is recorded"))
            assert "normal" not in lowered
            assert "unremarkable" not in lowered


def test_the_title_names_what_was_done() -> None:
    assert title_of(evidence(brain, "MR"), load_locale("en")) == "MRI of the head"
    assert title_of(evidence(lungs, "CT"), load_locale("de")) == "CT des Thorax"


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
def test_languages_say_the_same_things(language: str) -> None:
    """Words differ; what is told of which structure, and from which facts, does not."""

    def shape(words: Any) -> Any:
        if isinstance(words, dict):
            return {name: shape(value) for name, value in words.items()}
        return type(words).__name__

    english, other = load_locale("en").words, load_locale(language).words
    for part in ("technique", "comparison", "changes", "limits", "references", "headings",
                 "numbers", "list", "modalities", "regions"):  # fmt: skip
        assert shape(english[part]) == shape(other[part]), part
    for part in ("findings", "impression"):
        assert [rule["structure"] for rule in english[part]] == [
            rule["structure"] for rule in other[part]
        ]
        for ours, theirs in zip(english[part], other[part], strict=True):
            assert [sorted(placeholders(one.lower())) for one in ours["texts"]] == [
                sorted(placeholders(one.lower())) for one in theirs["texts"]
            ]


@pytest.mark.parametrize(
    ("language", "stated"), [("en", "Both lungs: what"), ("de", "Lunge beidseits: Das")]
)
def test_both_lungs_that_are_not_plausible_are_called_so(language: str, stated: str) -> None:
    one = evidence(lungs, "CT")
    doubted = [
        fact_of(replace(fact.finding, validity=Validity("implausible", reason="It is not.")))
        for fact in one.facts
    ]
    for section in ("findings", "impression"):
        found = texts(replace(one, facts=tuple(doubted)), language)[section]
        assert stated in str(found)
