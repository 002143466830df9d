"""Names and numbers of people leave a text, and what was measured stays."""

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from inference.language import rampart
from inference.language.deid import deidentified
from inference.language.header_values import header_values, values_of
from inference.language.identifiers import (
    by_header,
    by_patterns,
    merged,
    replaced,
    without_identifiers,
)
from storage.container import Storage
from storage.core.errors import NotFound
from storage.settings import Settings, load_settings
from tests.inference.language import small_models
from tests.inference.language.small_models import CORPUS
from tests.inference.orchestration import complete_series
from tests.inference.small import study_uid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen by Dr. Anna van der Berg today.", "Seen by Dr. [NAME] today."),
        ("Patient: Doe, Jane", "Patient: [NAME]"),
        ("Signed by: Max Mustermann", "Signed by: [NAME]"),
        ("Frau Müller-Lüdenscheidt kommt", "Frau [NAME] kommt"),
        ("DOE^JANE^^DR", "[NAME]"),
        ("MRN: 00123-4, Accession A2024/77.", "MRN: [ID], Accession [ID]."),
        ("Pat.-Nr. 4711", "Pat.-Nr. [ID]"),
        ("SSN 123-45-6789", "SSN [ID]"),
        ("Call +49 (0)30 123456 or (555) 123-4567.", "[PHONE] or [PHONE]."),
        ("jane.doe@example.org", "[EMAIL]"),
        ("on 2024-01-31, 1/2/24, 31.01.2024", "on [DATE], [DATE], [DATE]"),
        ("January 31, 2024 and 31 Jan 2024", "[DATE] and [DATE]"),
        ("12 Elm Street, Lindenstraße 7b", "[ADDRESS], [ADDRESS]"),
        ("a 94-year-old", "a [AGE]"),
    ],
)
def test_what_identifies_is_replaced(text: str, expected: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Size: 5.3 x 4.0 x 4.0 cm. Mean density -850 HU, LAA-950 12.5 %.",
        "No evidence of fracture. BI-RADS 2. C5/6 disc, L4-L5, T2 3.2.",
        "A 60 yo male with 1.6 cm nodule in segment 3/4.",
        "3.0 cm x 3.7 cm mass; volume 1,234.5 cm³; SUV 12.3; 2.5 mm slices.",
        "Dr. will call. The patient is stable.",
    ],
)
def test_what_was_measured_stays(text: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == text


_PIECES = st.lists(st.sampled_from(["Ann", "Lee", "Leeds", " ", "-", "+4", "4 ", "(", "ß", "_"]))


@given(_PIECES, st.lists(_PIECES.map("".join).map(str.strip).filter(bool), max_size=4))
def test_each_value_of_a_header_is_found_where_it_stands_by_itself(
    pieces: list[str], values: list[str]
) -> None:
    text = "".join(pieces)
    covered = {
        position
        for value in values
        for spelling in {value, value.capitalize(), value.title(), value.upper()}
        for match in re.finditer(rf"(?<!\w){re.escape(spelling)}(?!\w)", text)
        for position in range(match.start(), match.end())
    }
    spans = merged(by_header(text, {"NAME": values}))
    assert {p for one in spans for p in range(one.start, one.end)} == covered


def test_ten_thousand_names_in_a_header_cost_no_more_than_a_hundred() -> None:
    text = "Compared with Mr Smith of ward 7, unchanged. " * 4_000

    def seconds(count: int) -> float:
        names = [f"Smith of ward {number}" for number in range(count)]
        started = time.thread_time()
        assert len(list(by_header(text, {"NAME": names}))) == 4_000
        return time.thread_time() - started

    assert min(seconds(12_500) for _ in range(2)) < 10 * seconds(100)


def test_the_header_of_the_study_names_more(storage: Storage) -> None:
    complete_series(storage, "named")
    values = header_values(storage.index, storage.instances, study_uid("named"))
    text = (
        "Quernhammer came. QUERNHAMMER, adalbert; born 02.01.1950 (January 2, 1950), Q-4711."
        " The quernhammered plate is brown."
    )
    assert deidentified(Settings(), text, values)["text"] == (
        "[NAME] came. [NAME], adalbert; born [BIRTH_DATE] ([BIRTH_DATE]), [ID]."
        " The quernhammered plate is brown."
    )
    with pytest.raises(NotFound):
        header_values(storage.index, storage.instances, "2.25.1")


def test_a_name_that_is_a_word_is_found_where_it_is_a_name() -> None:
    dataset = Dataset()
    dataset.PatientName = "Brown^Violet"
    text = "Brown fluid was seen by Violet; it is brown and violet."
    # A sentence that begins with the word loses it as well: rather too much than too little.
    assert without_identifiers(text, values_of(dataset)) == (
        "[NAME] fluid was seen by [NAME]; it is brown and violet."
    )


def test_a_model_reads_dates_of_studies_and_no_names() -> None:
    text = "Compared with 2024-01-31, Dr. Miller sees a larger nodule (12 mm). MRN 4711."
    assert without_identifiers(text, {}) == (
        "Compared with 2024-01-31, Dr. [NAME] sees a larger nodule (12 mm). MRN [ID]."
    )
    kept = deidentified(Settings(), text, {}, keep_dates=True)
    assert "2024-01-31" in kept["text"]


def test_spans_say_where_and_by_whom() -> None:
    text = "Seen by Dr. Miller on 2024-01-31."
    answer = deidentified(Settings(), text, {"NAME": {"Miller"}})
    assert [(one["text"], one["kind"]) for one in answer["spans"]] == [
        ("Miller", "NAME"),
        ("2024-01-31", "DATE"),
    ]
    assert all(text[one["start"] : one["end"]] == one["text"] for one in answer["spans"])
    assert answer["method"] == "model"
    assert "HF_DEID_MODEL" in answer["notes"][0]


@pytest.mark.slow
def test_a_model_adds_to_the_rules(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The shipped one finds this name by itself.
    monkeypatch.setattr(rampart, "folder", lambda: None)
    folder = small_models.token_classifier(models / "ner", "Quernhammer")
    text = f"{CORPUS[3]} Quernhammer {CORPUS[0]} MRN 4711."
    plain = deidentified(Settings(), text, {})
    assert "Quernhammer" in plain["text"]
    answer = deidentified(load_settings(hf_deid_model=str(folder)), text, {})
    # A model of one layer may take a word of the corpus for a name as well.
    assert "Quernhammer" not in answer["text"]
    assert f"[NAME] {CORPUS[0]} MRN [ID]." in answer["text"]
    assert (answer["method"], answer["model"], answer["revision"]) == ("model", "ner", "local")
    assert {one["source"] for one in answer["spans"]} == {"model", "pattern"}


@pytest.mark.slow
@given(st.text(max_size=120))
def test_nothing_else_is_changed(text: str) -> None:
    spans = merged(by_patterns(text))
    assert all(0 <= one.start < one.end <= len(text) for one in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    pieces = replaced(text, spans)
    for kind in {one.kind for one in spans}:
        pieces = pieces.replace(f"[{kind}]", "")
    outside = "".join(
        text[a:b]
        for a, b in zip(
            [0, *(one.end for one in spans)],
            [*(one.start for one in spans), len(text)],
            strict=True,
        )
    )
    if "[" not in outside:
        assert pieces == outside


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (
            "Dictated by J. Smith. Reviewed with A. B. Stone.",
            "Dictated by [NAME]. Reviewed with [NAME].",
        ),
        ("Re: A. Baker, DOB 1.2.1950", "Re: [NAME], DOB [BIRTH_DATE]"),
        ("Dr. Jane Miller saw Mr. J.R. Miller.", "Dr. [NAME] saw Mr. [NAME]."),
        ("wohnhaft in Bad Tölz, geb. 3.4.1950", "wohnhaft in [ADDRESS], geb. [BIRTH_DATE]"),
        (
            "CT of 2025-03-04 compared with 2024-01-02: no Baker cyst.",
            "CT of 2025-03-04 compared with 2024-01-02: no Baker cyst.",
        ),
        ("Patient: CT abdomen. Couinaud segment IV.", "Patient: CT abdomen. Couinaud segment IV."),
    ],
)
def test_a_model_sees_who_nobody_is_and_when_what_was_measured(text: str, seen: str) -> None:
    assert without_identifiers(text, {}) == seen
