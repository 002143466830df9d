"""Which patients of the index a change means, and which changes contradict each other."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace

from storage.core.errors import StateConflict
from storage.core.text.bounded_text import indexed_name
from storage.patient_identity.entities import Patient, PatientKey, Statement
from storage.patient_identity.resolution import Changes, resembles
from storage.patient_identity.same_person import Person

_UNDO = "Undo the earlier change first: `mediview patients list` shows it."


_MOST_CHANGES = 300
"""In force around a patient. What is recorded and what arrives waits while all are read."""


def check_count(changes: Changes) -> None:
    """Raises StateConflict where a patient has too many changes for one more."""
    if changes.count >= _MOST_CHANGES:
        raise StateConflict(
            f"{changes.count} corrections and merges are in force around the patient;"
            f" {_MOST_CHANGES} are allowed.",
            remedy="Undo those that are wrong: `mediview patients list` shows them.",
        )


def check_merge(statement: Statement, changes: Changes) -> None:
    """Raises StateConflict for a merge that contradicts one in force."""
    prior, key = statement.prior, statement.key
    if prior is None:
        return
    if prior == key:
        raise StateConflict(
            "Both patients of the merge have the same ID.", remedy="Check MRG-1 and PID-3."
        )
    if changes.leads_to(key, prior):
        raise StateConflict(
            "The patient who is to survive was merged into the other one before.", remedy=_UNDO
        )
    there = changes.merge_of(prior)
    if there is not None and changes.survivor(there.key) != changes.survivor(key):
        raise StateConflict("The prior ID was merged into another patient before.", remedy=_UNDO)


def without_reverting(
    statement: Statement,
    unrecorded: Collection[str],
    changes: Changes,
    arrived: Collection[Patient],
) -> Statement:
    """What an event states that is older than others of its patient: it adds what nobody else
    stated, and the rest is as it was stated since. Whom it means, the whole statement says.

    `unrecorded`: what was stated since and no change has, by its name in `Demographics`.
    """
    described = described_by(statement)
    since = changes.stated_of(statement.key, [described])
    meant: list[Patient] = []
    if not since:
        with suppress(StateConflict):
            meant = _meant(statement, statement.key, changes, _distinct(arrived), [described])
        # The only one with the ID is meant, whatever the statement says of her.
        since = changes.stated_of(statement.key, [one.person for one in meant])
    # To one who is called otherwise until now it gives a name at all.
    names_somebody = meant and not any(resembles(one.person, described) for one in meant)
    dropped = {} if names_somebody else dict.fromkeys(unrecorded)
    demographics = replace(statement.demographics, **(dropped | since))
    return replace(statement, demographics=demographics)


def news_of(statement: Statement, whole: Statement, changes: Changes) -> Statement | None:
    """The statement where it adds something; None: nothing.

    A merge that follows from others adds that it holds without them. `whole`: with what does not
    count of it, which tells whom it means.
    """
    if statement.kind != "demographics":
        return statement
    return None if _adds_nothing(statement, whole, changes) else statement


def is_repeated(
    statement: Statement, whole: Statement, changes: Changes, people: Iterable[Patient]
) -> bool:
    """Whether a merge is in force already, of the same people, and states nothing new of them."""
    if statement.prior is None or not changes.is_merged(statement.prior, statement.key, people):
        return False
    return _adds_nothing(statement, whole, changes)


def _adds_nothing(statement: Statement, whole: Statement, changes: Changes) -> bool:
    described = [described_by(statement), described_by(whole)]
    there = changes.stated_of(statement.key, described)
    return there | statement.demographics.stated == there


def described_by(statement: Statement) -> Person:
    stated = statement.demographics
    return Person(
        indexed_name(stated.patient_name or ""),
        stated.patient_birth_date or "",
        stated.patient_sex or "",
    )


def is_shared(key: PatientKey, changes: Changes, arrived: Iterable[Person]) -> bool:
    """Whether several people have an ID, of those who arrived and those whom changes know."""
    everybody = [*arrived, *changes.known_persons(key)]
    one_of_them = changes.alike(key, everybody[:1])
    return not all(any(resembles(one, other) for other in one_of_them) for one in everybody)


def applies_to(statement: Statement, changes: Changes, arrived: Iterable[Patient]) -> list[Patient]:
    """Who arrived under the IDs of a statement and is meant, each person once.

    Raises StateConflict where several people share an ID and it is not clear which of them the
    statement describes.
    """
    people = _distinct(arrived)
    described = described_by(statement)
    found = _meant(statement, statement.key, changes, people, [described])
    if statement.prior is not None:
        # The name before a marriage, of the same birth date.
        before = Person(indexed_name(statement.prior_name), described.birth_date, "")
        found += _meant(statement, statement.prior, changes, people, [described, before])
    return found


def _meant(
    statement: Statement,
    key: PatientKey,
    changes: Changes,
    people: Iterable[Patient],
    described: list[Person],
) -> list[Patient]:
    candidates = [one for one in people if key_under(statement, changes, one) == key]
    described = [one for one in described if one.name_folded or one.birth_date]
    if not described:
        if is_shared(key, changes, [one.person for one in candidates]):
            raise _unclear("Several people have this ID.")
        return candidates
    known = changes.alike(key, described)
    alike = [one for one in candidates if any(resembles(one.person, other) for other in known)]
    by_changes = [one for one in known if one not in described]
    by_name = {
        one.patient_birth_date
        for one in alike
        if not any(resembles(one.person, other) for other in by_changes)
    }
    if len(by_name - {""}) > 1 and not any(one.birth_date for one in described):
        raise _unclear("People with different birth dates have this ID and the name.")
    if alike or not candidates or by_changes:
        return alike
    # Of a move that states another person, nobody here is that one.
    if not statement.corrects or statement.kind == "move":
        return []
    if len(candidates) > 1:
        raise StateConflict(
            f"{len(candidates)} people have this ID here, and none of them has the name or the"
            " birth date that is stated.",
            remedy="Correct it study by study: `mediview patients move` with the same ID and"
            " --name, --birth-date and --sex.",
        )
    return candidates


def _unclear(message: str) -> StateConflict:
    return StateConflict(message, remedy="State the name and the birth date of the one meant.")


def key_under(statement: Statement, changes: Changes, patient: Patient) -> PatientKey:
    """The key of a patient once the statement counts."""
    return changes.key_of(patient).of_issuer(statement.site_issuer)


def _distinct(patients: Iterable[Patient]) -> list[Patient]:
    return list(dict.fromkeys(patients))
