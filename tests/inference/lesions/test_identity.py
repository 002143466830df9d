"""What a person states of a lesion, and what that leaves of the comparison."""

from inference.lesions.identity import counting
from storage.lesions.entities import LesionMatch
from tests.inference.lesions.matches import match


def counted(*matches: LesionMatch) -> set[tuple[str, str, str]]:
    found = counting(matches)
    return {(one.relation, one.earlier_lesion_id, one.later_lesion_id) for one in found}


def test_the_last_statement_on_a_lesion_counts() -> None:
    found = counting(
        [
            match("matched", "a", "b"),
            match("new", "", "b", by="petra"),
            match("matched", "a", "b", by="omar"),
        ]
    )
    assert [one.decided_by for one in found] == ["omar"]


def test_a_lesion_that_is_called_new_leaves_the_earlier_one_gone() -> None:
    found = counted(match("matched", "a", "b"), match("new", "", "b", by="petra"))
    assert found == {("gone", "a", ""), ("new", "", "b")}


def test_a_lesion_whose_earlier_one_is_taken_is_new() -> None:
    found = counted(
        match("matched", "a", "b"), match("new", "", "c"), match("matched", "a", "c", by="petra")
    )
    assert found == {("matched", "a", "c"), ("new", "", "b")}


def test_a_lesion_called_gone_is_not_gone_once_it_is_found() -> None:
    found = counted(match("gone", "a"), match("new", "", "b"), match("matched", "a", "b", by="p"))
    assert found == {("matched", "a", "b")}


def test_what_merged_stays_merged_where_another_part_is_named_as_the_lesion() -> None:
    found = counting(
        [
            match("merged", "a", "m"),
            match("merged", "b", "m", is_main=False),
            match("matched", "b", "m", by="petra"),
        ]
    )
    assert {(one.relation, one.earlier_lesion_id, one.is_main) for one in found} == {
        ("merged", "a", False),
        ("matched", "b", True),
    }


def test_an_older_lesion_named_by_a_person_is_not_lost_in_the_study_between() -> None:
    """a of the first study is b in the second; the person says of c in the third that it is a."""
    found = counted(
        match("matched", "a", "b", study="1.2"),
        match("matched", "b", "d", study="1.3"),
        match("new", "", "c", study="1.3"),
        match("matched", "a", "c", by="petra", study="1.3"),
    )
    assert found == {("matched", "a", "b"), ("matched", "a", "c"), ("new", "", "d")}


def test_what_the_study_between_shows_of_a_named_lesion_is_not_gone() -> None:
    found = counted(
        match("matched", "a", "b", study="1.2"),
        match("gone", "b", study="1.3"),
        match("new", "", "c", study="1.3"),
        match("matched", "a", "c", by="petra", study="1.3"),
    )
    assert found == {("matched", "a", "b"), ("matched", "a", "c")}
