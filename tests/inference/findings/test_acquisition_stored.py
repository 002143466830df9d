"""What is stored decides whether a later study's densities are compared."""

from dataclasses import replace
from pathlib import Path

from api.findings.serializers import finding_payload
from inference.prior_comparison import comparison_of, revise_comparisons
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.core.findings import Acquisition, Finding, Validity
from tests.inference.reports.studies import LAA, VOLUME, lungs_measured, measured_study, opened


def test_a_stored_density_of_another_kernel_is_not_compared(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        studies = []
        for seed, date, kernel in ((1, "20240110", "B30f"), (2, "20250110", "B70f")):
            study = measured_study(storage, 2.0 * seed, seed=seed, date=date)
            (found,) = storage.findings.of_study(study)
            validity = Validity("complete", acquisition=Acquisition(kernel, 2.5))
            density = replace(
                found, code=LAA, label="Both lungs LAA-950", unit=None, validity=validity
            )
            storage.findings.replace_for_job(found.job_id, [density])
            studies.append(study)
        (now,) = storage.findings.of_study(studies[1])
        comparison = comparison_of(storage, storage.jobs.get(now.job_id))
        assert comparison is not None
        assert comparison.compared(now).caveat_texts == (
            "Not compared with the study of 2024-01-10: kernel B30f then, B70f now.",
        )
        sections = draft_sections(gather(storage, studies[1]), load_locale("en"))
    stated = [one.text for section in sections for one in section.sentences]
    assert "Nothing is compared with it: its images were reconstructed otherwise." in stated


def test_volumes_of_other_slices_are_compared_with_a_caveat(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        lungs_measured(storage, 1, "20240110", "B30f", 5.0, mm=1.0)
        now = lungs_measured(storage, 2, "20250110", "B30f", 3.0, mm=5.0)

        def volume() -> Finding:
            revise_comparisons(storage, now)
            (found,) = (one for one in storage.findings.of_study(now) if one.code == VOLUME)
            return found

        found = volume()
        assert found.prior is not None
        assert found.prior.change_percent == -40.0
        assert found.caveat_texts == (
            "Compared across slice thicknesses with the study of 2024-01-10: 1 mm then, 5 mm now,"
            " which may be a part of the change.",
            "Lung volume differs from that of the study of 2024-01-10 by 40.0 %: another depth of"
            " breath changes it.",
        )
        for language, sentence in (
            ("en", "Volumes are compared across slice thicknesses (1 mm on 10 January 2024, 5 mm"),
            ("de", "Volumina werden über Schichtdicken hinweg verglichen (1 mm am 10. Januar 2024"),
        ):
            for section in draft_sections(gather(storage, now), load_locale(language)):
                stated = [one.text for one in section.sentences if one.text.startswith(sentence)]
                assert len(stated) == (section.kind in ("findings", "impression"))
        lungs_measured(storage, 3, "20240610", "B30f", 3.2, mm=5.0)
        assert volume().caveat_texts == ()


def test_a_study_that_arrives_later_is_in_the_findings_as_in_the_draft(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:

        def stated() -> tuple[list[str], str]:
            revise_comparisons(storage, now)
            found = {one.label: one for one in storage.findings.of_study(now)}
            sections = draft_sections(gather(storage, now), load_locale("en"))
            text = " ".join(one.text for section in sections for one in section.sentences)
            return list(found["Both lungs LAA-950"].caveat_texts), text

        now = lungs_measured(storage, 4, "20250110", "B30f", 5.0)
        assert stated()[0] == []
        lungs_measured(storage, 1, "20230110", "B70f", 5.0)
        caveats, draft = stated()
        assert caveats == ["Not compared with the study of 2023-01-10: kernel B70f then, B30f now."]
        assert "kernel B70f then, B30f now" in draft
        # 5.0 L after 7.0 L: 28.57 % less.
        lungs_measured(storage, 2, "20240110", "B30f", 7.0)
        caveats, draft = stated()
        assert caveats == [
            "Lung volume differs from that of the study of 2024-01-10 by 28.6 %: another depth of"
            " breath changes density as well."
        ]
        assert "but the lung volume differs by 28.6%" in draft
        assert "stacks" not in draft
        (payload,) = (
            finding_payload(one)
            for one in storage.findings.of_study(now)
            if one.code.value == "LAA950"
        )
        assert payload.validity is not None
        assert payload.validity.caveats == caveats
        # 5.0 L after 5.4 L: 7.4 % less.
        lungs_measured(storage, 3, "20241010", "B30f", 5.4)
        assert stated()[0] == []
