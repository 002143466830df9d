"""What is stored decides whether a later study's densities are compared."""

from dataclasses import replace
from pathlib import Path

from inference.prior_comparison import comparison_of
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.core.findings import Acquisition, Code, Validity
from tests.inference.reports.studies import measured_study, opened

LAA = Code("LAA950", "99MEDIVIEW", "Share below -950 HU of lung below -500 HU")


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
        assert comparison.compared(now).caveats == (
            "Not compared with the study of 2024-01-10: kernel B30f then, B70f now.",
        )
        sections = draft_sections(gather(storage, studies[1]), load_locale("en"))
    stated = [one.text for section in sections for one in section.sentences]
    assert "Nothing is compared with it: its images were reconstructed otherwise." in stated
