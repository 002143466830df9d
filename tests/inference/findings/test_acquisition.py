"""Densities of other kernels or slices are not compared, and everything says so."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from api.findings.serializers import finding_payload
from inference.fhir.normal_range import interpretation, reference_range
from inference.findings.build import build_findings
from inference.findings.comparison import Comparison
from inference.findings.facts import Fact, fact_of
from inference.findings.normal_ranges import NormalRanges
from inference.imaging.acquisition.reconstruction import acquisition_of
from inference.imaging.volume import assemble_volume
from inference.job_loading.caveats import with_caveats
from inference.job_loading.loaded import Loaded
from inference.normal_ranges.subject import subject_of
from inference.pipeline import Measurement, PipelineOutput
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.codes import PERCENT, VOLUME
from inference.reports.draft import draft_sections
from inference.reports.evidence import Evidence
from inference.reports.locale import load_locale
from inference.results.encode import encode_results
from inference.results.sr.numbers import measurements_of
from storage.core.acquisition import DENSITIES, limit_doubted
from storage.core.findings import Acquisition, Code, Finding, NormalRange, Validity
from tests.builders import series
from tests.inference.reports.known import evidence, fact, lungs
from tests.inference.results_support import job_for

LAA_THEN, LAA_NOW = 1.938, 21.778
SMOOTH, SHARP = Acquisition("B30f", 2.5), Acquisition("B70f", 2.5)


def laa(value: float, acquisition: Acquisition | None) -> Finding:
    finding = fact("Both lungs LAA-950", "LAA950", value, "%", "lung-density").finding
    return replace(finding, validity=Validity("complete", acquisition=acquisition))


def made_with(facts: tuple[Fact, ...], acquisition: Acquisition | None) -> tuple[Fact, ...]:
    validity = Validity("complete", acquisition=acquisition)
    return tuple(
        fact_of(replace(one.finding, validity=validity))
        if one.finding.code.value in DENSITIES
        else one
        for one in facts
    )


def scans(then: Acquisition | None, now: Acquisition | None) -> Evidence:
    found = evidence(lungs, "CT", prior_factor=9.0)
    assert found.prior is not None
    prior = replace(found.prior, facts=made_with(found.prior.facts, then))
    return replace(found, facts=made_with(found.facts, now), prior=prior)


@pytest.mark.parametrize(
    ("then", "now", "why"),
    [
        (SMOOTH, SHARP, "reconstruction kernel B30f then, B70f now"),
        (Acquisition("LUNG", 1.0), Acquisition("STANDARD", 1.0),
         "reconstruction kernel LUNG then, STANDARD now"),
        (None, SMOOTH, "reconstruction kernel not known then, B30f now"),
        (SMOOTH, Acquisition("B30f", 1.0), "slice thickness 2.5 mm then, 1 mm now"),
    ],
)  # fmt: skip
def test_the_report_compares_no_densities_of_another_acquisition(
    then: Acquisition | None, now: Acquisition, why: str
) -> None:
    findings, impression = (
        [one.text for one in section.sentences]
        for section in draft_sections(scans(then, now), load_locale("en"))[-2:]
    )
    said = f"Lung densities are not compared with those of 12 March 2023: {why}."
    for stated in (findings, impression):
        assert stated.count(said) == 1
        assert not [one for one in stated if "LAA-950" in one and " than " in one]
        assert not [one for one in stated if "several stacks" in one]
        assert any("lung volume has decreased" in one for one in stated)


def test_like_scans_are_compared_and_the_limit_is_no_verdict() -> None:
    alike = replace(SMOOTH, kernel="b30F", slice_thickness_mm=2.0)
    _, impression = (
        [one.text for one in section.sentences]
        for section in draft_sections(scans(SMOOTH, alike), load_locale("en"))[-2:]
    )
    assert any("LAA-950 of both lungs is lower than" in one for one in impression)
    assert (
        "Reconstruction kernel b30F: the limit is for smooth kernels, so nothing is concluded"
        " from it." in impression
    )


def test_results_carry_why_a_density_is_not_compared() -> None:
    now, then = laa(LAA_NOW, SHARP), laa(LAA_THEN, SMOOTH)
    key = now.tracking_identifier, now.label
    comparison = Comparison("20250110", {}, densities={key: (then, "20240110", "")})
    finding = comparison.compared(comparison.compared(now))
    caveat = "Not compared with the study of 2024-01-10: kernel B30f then, B70f now."
    payload = finding_payload(finding)
    assert payload.validity is not None
    assert payload.validity.caveats == [caveat]
    comments = [
        one.TextValue
        for one in measurements_of([finding])[0][0].ContentSequence
        if "TextValue" in one
    ]
    assert comments == [caveat]
    assert comparison.compared(laa(LAA_NOW, SMOOTH)).caveat_texts == ()


@pytest.mark.parametrize(("kernel", "shown"), [("B70f", "B70f"), ("", "not known")])
def test_low_attenuation_is_called_neither_high_nor_normal(kernel: str, shown: str) -> None:
    header = Dataset()
    header.PatientAge, header.ConvolutionKernel = "060Y", kernel
    ranges = NormalRanges(LungDensity.card.normal_ranges, subject_of(header))
    for value in (LAA_THEN, LAA_NOW):
        normal = ranges.applied(laa(value, None)).normal_range
        assert interpretation(normal, value) is None
        (stated,) = reference_range(normal, laa(value, None).unit) or ()
        assert f"Kernel {shown}: the limit is for smooth kernels" in (stated.text or "")


def test_a_limit_at_full_inspiration_says_where_the_volume_doubts_it() -> None:
    header = Dataset()
    header.PatientSex, header.PatientAge, header.PatientSize = "M", "050Y", "1.80"
    header.ConvolutionKernel = "B30f"
    ranges = NormalRanges(LungDensity.card.normal_ranges, subject_of(header))
    job = job_for(assemble_volume(series(np.zeros((3, 4, 5), np.int16), modality="CT")))

    def limit(litres: float) -> str:
        output = PipelineOutput(
            measurements=(
                Measurement("Both lungs volume", VOLUME, litres, Code("L", "UCUM", "L"), None),
                Measurement("Both lungs LAA-950", laa(1, None).code, 6.0, PERCENT, None),
            )
        )
        _, density = build_findings(job, LungDensity(), output, normal_ranges=ranges)
        (stated,) = reference_range(density.normal_range, density.unit) or ()
        return str(stated.text)

    assert limit(4.1).endswith(
        "the limit is for smooth kernels. The lung volume is below its normal range: the scan may"
        " not be at full inspiration, for which the limit holds"
    )
    assert limit(6.4).endswith("the limit is for smooth kernels")
    del header.PatientSize
    ranges = NormalRanges(LungDensity.card.normal_ranges, subject_of(header))
    assert limit(6.4).endswith(
        "is not known from the lung volume. Predicted lung capacity asks for the patient's height,"
        " in metres (PatientSize)"
    )


def test_what_was_stored_before_has_the_caveat() -> None:
    stored = NormalRange("%", None, 5.0, "COPDGene 2019 (Lowe et al.)")
    old = limit_doubted(replace(laa(LAA_NOW, None), normal_range=stored))
    assert old.normal_range is not None
    assert old.normal_range.place_of(LAA_NOW) is None
    site = replace(laa(LAA_NOW, None), normal_range=replace(stored, source="Our site"))
    assert limit_doubted(site) is site


def test_a_kernel_that_differs_between_the_images_is_not_known() -> None:
    plain, enhanced, groups, of_ct = Dataset(), Dataset(), Dataset(), Dataset()
    plain.ConvolutionKernel, plain.SliceThickness = ["Br40d", "3"], "1.5"
    of_ct.ConvolutionKernel = ["B30f"]
    groups.CTReconstructionSequence = [of_ct]
    enhanced.SharedFunctionalGroupsSequence = [groups]
    assert acquisition_of([plain, plain]) == Acquisition("Br40d 3", 1.5)
    assert acquisition_of([enhanced]) == Acquisition("B30f", None)
    assert acquisition_of([plain, enhanced]) == Acquisition()


def test_a_limit_names_no_kernel_of_images_that_have_several() -> None:
    images = series(np.zeros((4, 4, 5), np.int16), modality="CT")
    for number, image in enumerate(images):
        image.PatientBirthDate, image.PatientAge = "", "060Y"
        image.ConvolutionKernel = "B30f" if number < 2 else "B70f"
    volume = assemble_volume(images)
    output = PipelineOutput(
        measurements=(Measurement("Both lungs LAA-950", laa(1, None).code, 6.0, PERCENT, None),)
    )
    pipeline = LungDensity()
    loaded = Loaded(images)
    output = with_caveats(output, pipeline, loaded, volume)
    (finding,) = encode_results(job_for(volume), pipeline, images, volume, output).findings
    assert finding.normal_range is not None
    assert finding.normal_range.caveat.startswith("Kernel not known: the limit is for smooth")
    assert any("several kernels, B30f and B70f" in one for one in output.notes)


def test_a_german_report_writes_thicknesses_with_a_comma() -> None:
    sections = draft_sections(
        scans(replace(SMOOTH, slice_thickness_mm=1.25), SMOOTH), load_locale("de")
    )
    text = " ".join(one.text for section in sections for one in section.sentences)
    assert "Schichtdicke damals 1,25 mm, jetzt 2,5 mm" in text
