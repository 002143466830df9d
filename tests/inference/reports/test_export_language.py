"""A German report is German in all its forms, also in what the node adds to its text."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pypdfium2

from inference.fhir.diagnostic_report import diagnostic_report
from inference.fhir.normal_range import place_in_population
from inference.fhir.subject import patient_of
from inference.reports.draft import draft_study
from inference.reports.export.document import read_document, with_notice
from inference.reports.export.pdf import write_pdf
from inference.reports.export.text import as_text, withdrawn_notice
from storage.core.clock import utcnow
from storage.core.findings import NormalRange
from storage.findings.search import Found
from tests.inference.reports.studies import measured_study, opened


def test_a_german_draft_says_in_german_that_nobody_has_signed_it(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study = measured_study(storage)
        report = draft_study(storage, study, "de")
        version = storage.reports.version(report.report_id, 1)
        later = utcnow() + timedelta(hours=1)
        text = as_text(version, withdrawn_notice(version, later))
        assert "ENTWURF, nicht signiert" in text
        assert "NICHT AKTUELL: Am " in text
        document = with_notice(storage.reports, read_document(storage, report, 1), later)
        with pypdfium2.PdfDocument(write_pdf(document)) as pdf:
            page = pdf[0].get_textpage().get_text_range()
        for shown in ("ENTWURF, nicht signiert", "Geburtsdatum", "Geschlecht", "Geschrieben",
                      "Messwerte hinter den Sätzen", "Nur für Forschungszwecke."):  # fmt: skip
            assert shown in page
        assert f"{document.written_at:%Y-%m-%d %H:%M}" in page
        for english in ("DRAFT", "NOT CURRENT", "Study date", "Measured by", "earlier study"):
            assert english not in page
        found = Found(report, utcnow())
        conclusion = diagnostic_report(found, storage.index.study(study)).conclusion
        assert conclusion is not None
        assert conclusion.endswith("Messwerten entworfen; niemand hat signiert.")


def test_fhir_names_the_patient_in_every_writing_and_a_percentile_beyond_the_first_as_such(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as storage:
        study = storage.index.study(measured_study(storage))
    study = replace(study, patient_name="Yamada^Tarou^^Dr.=山田^太郎")
    latin, ideographic = patient_of(study).name or ()
    assert (latin.prefix, latin.text) == (["Dr."], "Dr. Tarou Yamada")
    assert (ideographic.family, ideographic.text) == ("山田", "山田 太郎")
    assert [one.extension[0].value_code for one in (latin, ideographic) if one.extension] == [
        "ABC",
        "IDE",
    ]
    far = NormalRange("L", 4.0, 6.0, "Cohort", percentile=0.1, z_score=-6.67)
    percentile, z_score = (one.value_quantity for one in place_in_population(far))
    assert percentile is not None
    assert z_score is not None
    assert (percentile.comparator, percentile.value) == ("<", 1.0)
    assert (z_score.comparator, z_score.value) == (None, -6.67)
