"""Keys as C-FIND and QIDO-RS send them, on both databases."""

import pytest

from storage.container import Storage
from storage.core.errors import InvalidKey
from storage.core.uids import derive_uid
from storage.index.matching.attributes import Level
from storage.index.matching.dicom_query import Query, find
from tests.storage.instances import part10

STUDIES = {
    "a": {
        "PatientName": "Müller^Jürgen",
        "PatientID": "A_1",
        "StudyDate": "20240131",
        "StudyTime": "143012.5",
        "Modality": "MR",
    },
    "b": {
        "PatientName": "Müller-Lüdenscheidt^Anna",
        "PatientID": "a_1",
        "StudyDate": "20240201",
        "StudyTime": "0800",
        "Modality": "CT",
    },
    "c": {
        "PatientName": "Smith^John^Q",
        "PatientID": "AX1",
        "StudyDate": "",
        "StudyTime": "",
        "Modality": "SR",
    },
}


@pytest.fixture(scope="module")
def studies(reading_storage: Storage) -> Storage:
    """A storage that holds them, and nothing else."""
    accept = reading_storage.ingest.accept
    for name, attributes in STUDIES.items():
        accept(part10(study=name, instance="1", **attributes), "stow")
    accept(part10(study="a", series="s2", Modality="CT", PatientID="A_1"), "stow")
    return reading_storage


def matches(storage: Storage, level: Level = "STUDY", fuzzy: bool = False, **keys: str) -> str:
    """The names of the studies that match, in one string."""
    names = {derive_uid("test", name): name for name in STUDIES}
    found = find(storage.engine, Query(level, keys, fuzzy))
    return "".join(sorted(names[row["StudyInstanceUID"]] for row in found))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "abc"),
        ({"PatientID": "A_1"}, "a"),
        ({"PatientID": "A?1"}, "ac"),
        ({"PatientID": "*1"}, "abc"),
        ({"PatientID": "*"}, "abc"),
        ({"PatientID": "A%"}, ""),
        ({"PatientName": "müller^jürgen"}, "a"),
        ({"PatientName": "MÜLLER*"}, "ab"),
        ({"PatientName": "Smith^John"}, ""),
        ({"StudyDate": "20240131"}, "a"),
        ({"StudyDate": "20240131-20240201"}, "ab"),
        ({"StudyDate": "20240201-"}, "b"),
        ({"StudyDate": "-20240131"}, "a"),
        ({"StudyTime": "143012"}, "a"),
        ({"StudyTime": "080000-143012"}, "ab"),
        ({"StudyTime": "080001-143012"}, "a"),
        ({"PatientName": "MULLER^jurgen^^"}, "a"),
        ({"PatientName": "smith^john^q^^="}, "c"),
        ({"PatientName": "Smith^John^^Q"}, ""),
        ({"PatientName": "smith^?ohn*"}, "c"),
        ({"StudyTime": "-1430"}, "ab"),
        ({"ModalitiesInStudy": "CT"}, "ab"),
        ({"ModalitiesInStudy": "CT\\SR"}, "abc"),
        ({"StudyInstanceUID": derive_uid("test", "b")}, "b"),
        ({"StudyInstanceUID": f"{derive_uid('test', 'b')}\\{derive_uid('test', 'c')}"}, "bc"),
        ({"PatientID": "A_1", "ModalitiesInStudy": "SR"}, ""),
        ({"SeriesNumber": "1", "NoSuchKey": "x"}, "abc"),
    ],
)
def test_study_keys(studies: Storage, keys: dict[str, str], expected: str) -> None:
    assert matches(studies, **keys) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("jur", "a"), ("JÜR", "a"), ("urg", ""), ("anna müller", "b"), ("lüdenscheidt", "")],
)
def test_fuzzy_names_match_by_the_beginnings_of_words(
    studies: Storage, name: str, expected: str
) -> None:
    assert matches(studies, fuzzy=True, PatientName=name) == expected


def test_counts_and_modalities_come_with_the_study(studies: Storage) -> None:
    (row,) = find(studies.engine, Query("STUDY", {"PatientID": "A_1"}))
    assert row["NumberOfStudyRelatedSeries"] == 2
    assert row["NumberOfStudyRelatedInstances"] == 2
    assert row["ModalitiesInStudy"] == ["CT", "MR"]


def test_each_level_returns_its_own(studies: Storage) -> None:
    uid = derive_uid("test", "a")
    series = list(find(studies.engine, Query("SERIES", {"StudyInstanceUID": uid})))
    assert {row["Modality"] for row in series} == {"MR", "CT"}
    assert [row["NumberOfSeriesRelatedInstances"] for row in series] == [1, 1]
    instances = list(find(studies.engine, Query("IMAGE", {"StudyInstanceUID": uid})))
    assert {(row["Rows"], row["Columns"]) for row in instances} == {(2, 3)}
    patients = list(find(studies.engine, Query("PATIENT", {"PatientID": "A_1"})))
    assert [row["NumberOfPatientRelatedStudies"] for row in patients] == [1]


def test_paging_returns_each_match_once(studies: Storage) -> None:
    pages = [list(find(studies.engine, Query("STUDY", {}), limit=2, offset=n)) for n in (0, 2)]
    assert [len(page) for page in pages] == [2, 1]
    assert len({row["StudyInstanceUID"] for page in pages for row in page}) == 3


@pytest.mark.parametrize(
    "keys",
    [
        {"StudyDate": "yesterday"},
        {"StudyDate": "1-2-3"},
        {"StudyDate": "20241399"},
        {"StudyDate": "2024"},
        {"StudyDate": "20240101-20230101"},
        {"StudyTime": "noon"},
        {"StudyTime": "250000"},
        {"StudyTime": "22-04"},
        {"StudyInstanceUID": "abc"},
        {"SeriesNumber": "one"},
    ],
)
def test_a_value_that_is_none_is_refused_by_its_keyword(
    studies: Storage, keys: dict[str, str]
) -> None:
    (keyword,) = keys
    with pytest.raises(InvalidKey, match=keyword) as refused:
        matches(studies, "IMAGE", **keys)
    assert refused.value.keyword == keyword


def test_a_name_matches_by_a_group_alone(storage: Storage) -> None:
    whole = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    instance = part10("y", PatientID="Y", PatientName=whole, SpecificCharacterSet="ISO_IR 192")
    storage.ingest.accept(instance, "stow")
    expected = {
        "=山田^太郎": 1,
        "=やまだ^たろう": 0,
        "==やまだ^たろう": 1,
        "=山田^太郎=やまだ^たろう": 1,
        "=山*": 1,
        "==山*": 0,
        # A key of one group matches by any of them.
        "yamada^tarou": 1,
        "Yam*": 1,
        "山田^太郎": 1,
        "山*": 1,
        "?田^*": 1,
        "太*": 0,
        "山田": 0,
        "やまだ^たろう": 1,
        "やまだ*": 1,
        "Yamada*=山*": 1,
        "Yamada*=川*": 0,
    }
    found = {
        name: len(list(find(storage.engine, Query("STUDY", {"PatientName": name}))))
        for name in expected
    }
    assert found == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("山田", 1),
        ("山田太郎", 1),
        ("太郎 山田", 1),
        ("やまだたろう", 1),
        ("田太郎", 0),
        ("yama tar", 1),
    ],
)
def test_a_name_is_found_as_a_person_types_it(storage: Storage, key: str, expected: int) -> None:
    """Without the caret between family name and given name; by C-FIND, QIDO-RS and the list."""
    whole = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    instance = part10("y", PatientID="Y", PatientName=whole, SpecificCharacterSet="ISO_IR 192")
    storage.ingest.accept(instance, "stow")
    found = find(storage.engine, Query("STUDY", {"PatientName": key}, fuzzy=True))
    assert len(list(found)) == expected
    if expected:
        assert storage.index.studies(10, 0, key)[1] == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("müller", 2), ("ax1", 1), ("20240131", 1), ("müller anna", 1), ("%", 0)]
)
def test_the_study_list_is_searched_as_one_types(
    studies: Storage, text: str, expected: int
) -> None:
    assert studies.index.studies(10, 0, text)[1] == expected
