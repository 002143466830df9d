"""What spoils a comparison is in the report, and the earlier study is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.findings.facts import Fact, fact_of
from inference.reports.draft import draft_sections
from inference.reports.evidence import Evidence, gather
from inference.reports.locale import load_locale
from storage.core.findings import NormalRange, Validity
from storage.findings.stored_caveats import read_caveats
from tests.inference.reports.known import evidence, lungs
from tests.inference.reports.studies import measured_study, opened


def texts(found: Evidence, language: str = "en") -> dict[str, list[str]]:
    sections = draft_sections(found, load_locale(language))
    return {one.kind: [each.text for each in one.sentences] for one in sections}


@pytest.mark.parametrize("cut_off", ["earlier", "later"])
def test_an_earlier_study_of_a_part_is_named_and_why_nothing_is_compared(
    cut_off: str, tmp_path: Path
) -> None:
    with opened(tmp_path) as storage:
        then = measured_study(storage, seed=1, date="20240110")
        now = measured_study(storage, seed=2, date="20250110")
        (finding,) = storage.findings.of_study(then if cut_off == "earlier" else now)
        part = Validity("truncated", ("inferior",), "The images cut it off inferiorly.")
        storage.findings.replace_for_job(finding.job_id, [replace(finding, validity=part)])
        found = gather(storage, now)
    stated = texts(found)
    assert stated["comparison"] == [
        "MRI of 10 January 2024.",
        "Nothing is compared with it: the images of one of the studies end within what was"
        " measured, so that its values are of a part.",
    ]
    assert "Nothing is compared with the earlier study." in stated["impression"]
    assert "nur für einen Teil" in texts(found, "de")["comparison"][1]


def breath(factor: float) -> Evidence:
    """Lungs of 4.84 L, denser than before, when they had that many times the volume."""
    found = evidence(lungs, "CT", prior_factor=factor)
    assert found.prior is not None

    def lighter(one: Fact) -> Fact:
        value = -953.0 if one.measure == "mean_density" else one.finding.value
        return fact_of(replace(one.finding, value=value))

    before = tuple(map(lighter, found.prior.facts))
    return replace(found, prior=replace(found.prior, facts=before))


def test_densities_of_another_depth_of_breath_say_so_in_the_same_sentence() -> None:
    (changed,) = (one for one in texts(breath(1.4))["findings"] if "lungs is higher" in one)
    assert changed == (
        "The mean density of both lungs is higher than on 12 March 2023 (from −953 HU to −832 HU),"
        " but the lung volume differs by 28.6%: another depth of breath changes density as well."
    )
    assert not [one for one in texts(breath(1.05))["findings"] if "breath" in one]
    # 4.84 L after 6.776 L.
    for kind in ("findings", "impression"):
        assert (
            "The total lung volume has decreased by 28.6% since 12 March 2023 (from 6.78 L to"
            " 4.84 L); another depth of breath changes it, too." in texts(breath(1.4))[kind]
        )


@pytest.mark.parametrize(
    "caveat",
    ["The images were made with 80 and 140 kV: Hounsfield units, and what is found by them, are not"
     " those of one tube voltage.",
     "The images are of a multi-energy acquisition: Hounsfield units, and what is found by them,"
     " may not be those of one tube voltage."],
)  # fmt: skip
def test_several_tube_voltages_are_not_called_several_stacks(caveat: str) -> None:
    found = evidence(lungs, "CT")
    cautioned = Validity("complete", caveats=read_caveats([caveat]))
    facts = tuple(fact_of(replace(one.finding, validity=cautioned)) for one in found.facts)
    for language, sentence, stack in (("en", "one tube voltage", "stack"),
                                  ("de", "Röhrenspannung", "Bildstapel")):  # fmt: skip
        stated = " ".join(texts(replace(found, facts=facts), language)["findings"])
        assert sentence in stated
        assert stack not in stated


def test_the_limit_of_low_attenuation_asks_for_full_inspiration() -> None:
    def capacity(low: float) -> Evidence:
        found = evidence(lungs, "CT")
        normal = NormalRange("L", low, 7.0, "GLI", caveat="CT is taken lying.")
        facts = tuple(
            fact_of(replace(one.finding, normal_range=normal)) if one.slot == "both_volume" else one
            for one in found.facts
        )
        return replace(found, facts=facts)

    said = "the scan may not be at full inspiration, for which the limit holds."
    assert any(one.endswith(said) for one in texts(capacity(5.0))["impression"])
    assert not any(one.endswith(said) for one in texts(capacity(4.0))["impression"])
