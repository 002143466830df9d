"""What a radiologist types into the search, and what must come first, last, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.language.search import Found, SearchIndex, open_index
from inference.language.searching.question import read_question
from inference.language.searching.stated import statement_of
from storage.container import Storage
from storage.search.passages import FINDING, REPORT
from tests.inference.language.test_search import make_vectors, put_report
from tests.inference.orchestration import storage_in
from tests.postgres import PostgresServer

REPORTS = {
    "pneumothorax": ("There is a small apical pneumothorax on the right.", "Normal heart."),
    "nodule": ("No pneumothorax.", "No pleural effusion.", "8 mm nodule in the right upper lobe."),
    "effusion": ("Moderate left pleural effusion with atelectasis.", "No pneumothorax."),
    "mild": ("LAA-950: 1.1 % of the lung volume.", "Mild emphysema."),
    "severe": ("LAA-950: 6.4 % of the lung volume.", "Severe centrilobular emphysema."),
    "embolism": ("Filling defects in the right lower lobe, consistent with pulmonary embolism.",),
    "german": ("Kein Nachweis einer Lungenembolie.", "4 mm Rundherd im linken Unterlappen."),
    "kidney": ("Raumforderung der rechten Niere, 3,2 cm im Durchmesser.",),
    "bleeding": ("Acute haemorrhage in the left basal ganglia.", "No midline shift."),
    "cyst": ("The aorta is of normal calibre.", "14 mm cyst in the left kidney."),
}


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    overrides = {}
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        overrides["database_url"] = server.migrated_database()
    folder: Path = tmp_path_factory.mktemp("search")
    with storage_in(folder, **overrides) as opened:
        for number, sentences in enumerate(REPORTS.values()):
            put_report(opened, 100 + number, *sentences)
        make_vectors(opened)
        yield opened


@pytest.fixture
def index(storage: Storage) -> SearchIndex:
    return open_index(storage.passages)


def names(found: Found, *, stated: bool) -> list[str]:
    """Of the reports that state what is looked for, or of those that do not."""
    by_study = {f"2.25.{100 + number}": name for number, name in enumerate(REPORTS)}
    return [
        by_study[hit.passage.study_instance_uid]
        for hit in found.hits
        if hit.statement is not None and hit.statement.is_stated is stated
    ]


@pytest.mark.parametrize(
    ("question", "stated", "denied"),
    [
        ("pneumothorax", {"pneumothorax"}, {"nodule", "effusion"}),
        ("Pneumothorax rechts", {"pneumothorax"}, set()),
        ("pulmonary embolism", {"embolism"}, {"german"}),
        ("Lungenembolie", {"embolism"}, {"german"}),
        ("fluid around the lung", {"effusion"}, {"nodule"}),
        ("Pleuraerguss links", {"effusion"}, set()),
        ("bleeding in the brain", {"bleeding"}, set()),
        ("renal mass", {"kidney"}, set()),
        ("Nierenzyste", {"cyst"}, set()),
        ("Which patients have a nodule?", {"nodule", "german"}, set()),
    ],
)
def test_what_is_denied_is_marked_and_comes_after(
    index: SearchIndex, question: str, stated: set[str], denied: set[str]
) -> None:
    found = index.find(question, 10, [REPORT, FINDING])
    assert set(names(found, stated=True)) == stated
    assert set(names(found, stated=False)) == denied
    order = [hit.statement is not None and hit.statement.is_stated for hit in found.hits]
    assert order == sorted(order, reverse=True)


def test_who_looks_for_what_is_denied_finds_that_first(index: SearchIndex) -> None:
    found = index.find("no pneumothorax", 10, [REPORT])
    assert set(names(found, stated=False)) == {"nodule", "effusion"}
    assert names(found, stated=True) == ["pneumothorax"]
    assert found.hits[-1].statement is not None
    assert found.hits[-1].statement.is_stated


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("LAA-950 > 2%", {"severe"}),
        ("LAA-950 unter 2 %", {"mild"}),
        ("LAA-950 over 0.5 %", {"mild", "severe"}),
        ("LAA-950 between 1 and 2 %", {"mild"}),
        ("nodule larger than 6 mm", {"nodule"}),
        ("nodule of at least 8 mm", {"nodule"}),
        ("Rundherd kleiner als 6 mm", {"german"}),
        ("renal mass over 30 mm", {"kidney"}),
        ("cyst > 2 cm", set()),
    ],
)
def test_amounts_meet_the_comparison_of_the_question(
    index: SearchIndex, question: str, expected: set[str]
) -> None:
    assert set(names(index.find(question, 10, [REPORT]), stated=True)) == expected


@pytest.mark.parametrize(
    "question",
    ["xylophone concert", "aortic dissection", "Aortendissektion", "kidney stone", "rib fracture",
     "appendicitis", "sarcoidosis"],
)  # fmt: skip
def test_nothing_is_found_where_nothing_is(index: SearchIndex, question: str) -> None:
    assert index.find(question, 10, [REPORT, FINDING]).hits == []


def test_words_are_found_before_their_meaning_is_worked_out(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        put_report(storage, 100, "Wunderlich syndrome, 100% certain_ly.")
        assert storage.passages.are_waiting()
        (hit,) = open_index(storage.passages).find("Wunderlich", 10, [REPORT]).hits
        assert hit.by_words
        assert open_index(storage.passages).find("Wund%rlich", 10, [REPORT]).hits == []


def test_hits_of_a_study_follow_each_other(index: SearchIndex) -> None:
    found = index.find("pneumothorax", 10, [REPORT, FINDING])
    studies = [hit.passage.study_instance_uid for hit in found.hits]
    assert studies == sorted(studies, key=studies.index)
    assert len(set(studies)) == len(studies), "each of these studies has one report"


@pytest.mark.parametrize(
    ("question", "sentence", "is_met"),
    [
        ("emphysema over 5 %", "Emphysema 1.1 %, fibrosis 9 %.", False),
        ("fibrosis over 5 %", "Emphysema 1.1 %, fibrosis 9 %.", True),
        ("LAA-950 > 2 %", "LAA-910: 6.4 %.", False),
        ("nodule > 6 mm", "A nodule of 0.8 cm.", True),
        ("nodule > 6 mm", "A 5 x 7 mm nodule.", True),
        ("nodule > 6 mm", "A nodule in segment 8.", False),
        ("Herd > 6 mm", "Ein Herd von 6,5 mm.", True),
        ("Metastase mindestens 5 cm", "Metastase in Segment 7 und 8 bis 4,1 cm.", False),
        ("Metastase mindestens 4 cm", "Metastase in Segment 7 und 8 bis 4,1 cm.", True),
        ("metastasis under 3 cm", "Metastasis in segments 2 and 3 up to 4 cm.", False),
        ("Metastase unter 3 cm", "Metastase in Segment 2 bis 4 cm.", False),
        ("nodule under 4 mm", "Nodules of 3 to 5 mm.", True),
        ("zusammengefallene Lunge", "Pneumothorax rechts, 2 cm breit.", True),
        ("zusammengefallene Lunge", "Die Lunge ist unauffällig.", False),
        ("Lungenkollaps", "Pneumothorax rechts.", True),
    ],
)
def test_an_amount_is_that_of_what_it_stands_beside(
    question: str, sentence: str, is_met: bool
) -> None:
    assert (statement_of(read_question(question), sentence) is not None) is is_met


@pytest.mark.parametrize(
    ("question", "is_german"),
    [("Lungenembolie", True), ("Erguss links", True), ("pulmonary embolism", False),
     ("fluid around the lung", False), ("pneumothorax", False)],
)  # fmt: skip
def test_a_german_question_is_known(question: str, is_german: bool) -> None:
    assert read_question(question).is_german is is_german
