"""The intracranial volume, which two pipelines state of one series, is one value for readers."""

from dataclasses import replace

from inference.findings.facts import Fact
from inference.findings.same_quantity import stated_once
from inference.reports.draft import draft_sections
from inference.reports.locale import load_locale
from tests.inference.reports.known import evidence, head


def by_pipeline(facts: tuple[Fact, ...]) -> list[tuple[str, float | None]]:
    return [(one.finding.pipeline, one.value) for one in facts if one.structure == "intracranial"]


def test_equal_values_are_stated_once_in_findings_and_impression() -> None:
    volume, of_structures, parenchyma = head()
    # As both round it, and as they add it up.
    of_structures = replace(of_structures, value=(of_structures.value or 0) * (1 + 1e-12))
    facts, void = stated_once((volume, of_structures, parenchyma), (), ())
    assert (facts, void) == ((volume, parenchyma), ())
    known = replace(evidence(head, "MR"), facts=facts)
    sections = {one.kind: one for one in draft_sections(known, load_locale("en"))}
    for kind in ("findings", "impression"):
        text = " ".join(one.text for one in sections[kind].sentences)
        assert text.count("Intracranial volume 1,520.4") == 1


def test_values_that_differ_both_stay_until_a_reader_gives_one() -> None:
    volume, of_structures, parenchyma = head()
    other = replace(of_structures, value=1400.0)
    facts, _ = stated_once((volume, other, parenchyma), (), ())
    assert by_pipeline(facts) == [("brain-volume", 1520.4), ("brain-structures", 1400.0)]
    # Of other series nobody says that they are alike.
    elsewhere = replace(
        of_structures, finding=replace(of_structures.finding, series_instance_uid="2.25.99")
    )
    assert len(by_pipeline(stated_once((volume, elsewhere), (), ())[0])) == 2
    corrected = replace(other, value=1480.0, corrected_by="dr-a")
    facts, void = stated_once((volume, corrected, parenchyma), (), ())
    assert (by_pipeline(facts), void) == ([("brain-structures", 1480.0)], ())


def test_what_a_reader_rejected_is_not_stated_by_the_other_pipeline() -> None:
    volume, of_structures, parenchyma = head()
    facts, void = stated_once((of_structures, parenchyma), (volume.finding,), ())
    assert (facts, void) == ((parenchyma,), (of_structures.finding,))
    # A reader's own value stands.
    corrected = replace(of_structures, value=1480.0, corrected_by="dr-a")
    facts, void = stated_once((corrected, parenchyma), (volume.finding,), ())
    assert (facts, void) == ((corrected, parenchyma), ())
