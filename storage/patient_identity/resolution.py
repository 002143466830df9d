"""Whose a study is, worked out from how it arrived and from the changes in force.

Changes form a graph: a merge leads from the prior patient to the one that survives, a move from
one study to a patient. Undoing one is leaving it out. An ID that two people were given has changes
of each: a study follows those alone that are about its own patient.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from storage.patient_identity.entities import Patient, PatientChange, PatientKey
from storage.patient_identity.same_person import Person


class Changes:
    """The changes in force around some patients, oldest first."""

    def __init__(self, changes: Iterable[PatientChange]) -> None:
        self._merges: defaultdict[PatientKey, list[PatientChange]] = defaultdict(list)
        self._moves: dict[str, PatientChange] = {}
        self._of: defaultdict[PatientKey, list[PatientChange]] = defaultdict(list)
        self._issuers: defaultdict[str, set[str]] = defaultdict(set)
        self.links: list[PatientChange] = []
        self.count = 0
        for one in changes:
            self.count += 1
            if one.kind == "merge":
                self._merges[one.prior].append(one)
            if one.kind == "link":
                self.links.append(one)
            if one.kind == "move":
                # The newest one counts.
                self._moves[one.study_instance_uid] = one
            for key in one.keys:
                self._of[key].append(one)
                if one.site_issuer and key.issuer_of_patient_id == one.site_issuer:
                    self._issuers[key.patient_id].add(key.issuer_of_patient_id)

    def __bool__(self) -> bool:
        return bool(self._of)

    @property
    def moved_studies(self) -> Sequence[str]:
        return list(self._moves)

    @property
    def patient_ids(self) -> Collection[str]:
        return {key.patient_id for key in self._of}

    def key_of(self, received: Patient) -> PatientKey:
        """The key of a patient; an ID without an issuer is the site's where that is known."""
        issuers = self._issuers.get(received.patient_id, set())
        if not received.issuer_of_patient_id and len(issuers) == 1:
            return PatientKey(received.patient_id, *issuers)
        return received.key

    def survivor(self, key: PatientKey) -> PatientKey:
        """Where the newest merges lead from a patient."""
        while self._merges.get(key):
            key = self._merges[key][-1].key
        return key

    def leads_to(self, key: PatientKey, end: PatientKey) -> bool:
        """Whether any merges in force lead from a patient to another, also by way of others."""
        # Several merges lead to one patient by several ways: each patient is looked at once.
        reached, waiting = {key}, [key]
        while waiting:
            following = {one.key for one in self._merges.get(waiting.pop(), ())} - reached
            reached |= following
            waiting += following
        return end in reached

    def merge_of(self, prior: PatientKey) -> PatientChange | None:
        """The newest one."""
        merges = self._merges.get(prior)
        return merges[-1] if merges else None

    def is_merged(self, prior: PatientKey, key: PatientKey, people: Iterable[Patient]) -> bool:
        """Whether a merge in force leads straight from one to the other, of all these people."""
        meant = set(people)
        return any(
            one.key == key and meant <= set(one.applied_to) for one in self._merges.get(prior, ())
        )

    def about(self, key: PatientKey, persons: Iterable[Person]) -> list[PatientChange]:
        """The changes around a key that concern a person, oldest first.

        A change tells what the person was called before and after it, by which further ones are
        found. Where a prior ID of a merge was not known here, all who have it are meant.
        """
        known = list(persons)
        found: set[str] = set()
        while True:
            more = [
                one
                for one in self._of.get(key, ())
                if one.change_id not in found and self._is_about(one, key, known)
            ]
            if not more:
                return [one for one in self._of.get(key, ()) if one.change_id in found]
            for one in more:
                found.add(one.change_id)
                known += self.persons_of(one, key)

    def _is_about(self, change: PatientChange, key: PatientKey, known: Iterable[Person]) -> bool:
        theirs = self.persons_of(change, key)
        if not theirs:
            return change.kind == "merge" and change.prior == key
        return any(resembles(one, other) for one in known for other in theirs)

    def persons_of(self, change: PatientChange, key: PatientKey) -> list[Person]:
        """The patient of a change, as she arrived under that ID and as it was stated of her.

        A name alone gets the birth dates that the change knows: the namesake has another one.
        """
        persons = [was.person for was in change.applied_to if self.key_of(was) == key]
        if change.key == key and change.demographics:
            persons.append(Patient(*key, **{**_UNKNOWN, **change.demographics}).person)
        birth_dates = {was.patient_birth_date for was in change.applied_to}
        birth_dates = birth_dates | {one.birth_date for one in persons}
        birth_dates -= {""}
        return [
            replace(one, birth_date=birth_date)
            for one in persons
            for birth_date in ({one.birth_date} if one.birth_date else birth_dates or {""})
        ]

    def known_persons(self, key: PatientKey) -> list[Person]:
        """Everybody who is known under an ID by a change."""
        return [one for change in self._of.get(key, ()) for one in self.persons_of(change, key)]

    def alike(self, key: PatientKey, persons: Iterable[Person]) -> list[Person]:
        """A person with all that changes know of her."""
        persons = list(persons)
        changes = self.about(key, persons)
        return persons + [one for change in changes for one in self.persons_of(change, key)]

    def patient_of(self, study_instance_uid: str, received: Patient) -> Patient:
        """The patient as corrected; the received one where no change is about the study."""
        move = self._moves.get(study_instance_uid)
        if move is not None:
            key = move.key
            about = self.about(key, self.persons_of(move, key) or self.known_persons(key))
        else:
            key = self.key_of(received)
            about = self.about(key, [received.person]) if received.patient_id else []
            if not about:
                return received
        while (merge := _newest_merge(about, key)) is not None:
            key = merge.key
            about = self.about(key, self.persons_of(merge, key) or self.known_persons(key))
        # What is not known of another person is not what was known of the one before.
        before = {} if move is None else _UNKNOWN
        corrected = replace(received.under(key), **{**before, **self._demographics(key, about)})
        # What differs in case and accents alone is no correction, and leaves as it came.
        is_same = corrected.person == received.person and key == self.key_of(received)
        return received.under(key) if is_same else corrected

    def _demographics(self, key: PatientKey, about: Iterable[PatientChange]) -> Mapping[str, str]:
        """The newest of each that is stated; else those with which the patient arrived first."""
        found: dict[str, str] = {}
        of_patient = [one for one in about if one.key == key]
        for was in (was for one in of_patient for was in one.applied_to):
            if not found and self.key_of(was) == key:
                found = {name: getattr(was, name) for name in _UNKNOWN}
        return found | _stated(of_patient)

    def stated_of(self, key: PatientKey, persons: Iterable[Person]) -> dict[str, str]:
        """The newest of each that is stated of a patient, by its name in `Patient`."""
        return _stated(one for one in self.about(key, persons) if one.key == key)


_UNKNOWN = {"patient_name": "", "patient_birth_date": "", "patient_sex": ""}


def _newest_merge(changes: Sequence[PatientChange], prior: PatientKey) -> PatientChange | None:
    merges = (one for one in reversed(changes) if one.kind == "merge" and one.prior == prior)
    return next(merges, None)


def _stated(changes: Iterable[PatientChange]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in changes:
        found |= one.demographics
    return found


def resembles(one: Person, other: Person) -> bool:
    """Whether two may be one patient of whom a name or a birth date was corrected.

    Two birth dates decide: father and son have one name.
    """
    if one.birth_date and other.birth_date:
        return one.birth_date == other.birth_date
    same_name = bool(one.name_folded) and one.name_folded == other.name_folded
    return one.may_be(other) or same_name
