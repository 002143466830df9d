"""FHIR's strings, whatever came in, read by a library made from FHIR 4.0.1."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from fhirclient.models import diagnosticreport, observation
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from inference.fhir.diagnostic_report import diagnostic_report
from inference.fhir.observation import observation as observation_of
from inference.fhir.types import Coding
from storage.core.caveats import Caveat
from storage.core.findings import Code, Feedback, Finding, NormalRange, Validity
from storage.findings.search import Found
from storage.reports.entities import Report, ReportSection, ReportSentence
from tests.hostile_text import hostile_texts, unwanted_in
from tests.inference.reports.known import study_of

_AT = datetime(2026, 1, 2, tzinfo=UTC)
_STUDY = study_of("1.2.3", "20260101", "MR")
_few = settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _texts(one)


def _written(resource: Any) -> Any:
    """As a client gets it."""
    content = json.loads(json.dumps(resource.to_json(), ensure_ascii=False).encode())
    for text in _texts(content):
        assert text
        assert not unwanted_in(text), repr(text)
    return content


@_few
@given(st.lists(hostile_texts, min_size=8, max_size=8))
def test_a_report_has_strings_and_a_narrative_that_fhir_allows(texts: list[str]) -> None:
    title, heading, first, second, name, patient, referring, accession = texts
    sentences = (ReportSentence(first), ReportSentence(second))
    sections = (
        ReportSection(heading, sentences), ReportSection(heading, sentences, "impression"),
    )  # fmt: skip
    report = Report("r", "1.2.3", "", "draft", "en", title, sections, _AT, _AT)
    study = replace(
        _STUDY, patient_name=name, patient_id=patient, referring_physician_name=referring,
        accession_number=accession,
    )  # fmt: skip
    content = _written(diagnostic_report(Found(report, _AT), study))
    ElementTree.fromstring(content["text"]["div"])
    diagnosticreport.DiagnosticReport(content)


@_few
@given(st.lists(hostile_texts, min_size=8, max_size=8))
def test_an_observation_has_strings_that_fhir_allows(texts: list[str]) -> None:
    label, meaning, unit, pipeline, reason, caveat, given_by, source = texts
    finding = Finding(
        "f1", "j", "1.2.3", "1.3", pipeline, "1", label, Code("118565006", "SCT", meaning), 12.5,
        Code("mm", "UCUM", unit), 0.5, label, "1.4", None, _AT,
        validity=Validity("complete", (), reason, (Caveat("other", caveat),)),
        normal_range=NormalRange("mm", 1, 2, source),
    )  # fmt: skip
    word = Feedback("b", "f1", "1.2.3", "REJECTED", None, None, label, reason, given_by, _AT)
    content = _written(observation_of(Found(finding, _AT), _STUDY, [word]))
    observation.Observation(content)


def test_a_text_of_control_characters_alone_is_no_empty_string() -> None:
    coding = Coding(display="\x0f\udfff", code="1", system=" \x02")
    assert coding.to_json() == {"display": "\ufffd", "code": "1", "system": "\ufffd"}
