"""Patients as data sets state them, and the changes of whose the studies are."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from storage.core.text.bounded_text import indexed_name
from storage.dicom.part10 import Header
from storage.patient_identity.same_person import Person

ChangeKind = Literal["demographics", "merge", "move", "link"]


class PatientKey(NamedTuple):
    """What tells patients apart (PS3.3 C.7.1.1): an ID is unique within its issuer."""

    patient_id: str
    issuer_of_patient_id: str

    def of_issuer(self, site_issuer: str) -> "PatientKey":
        """An ID without an issuer is the site's, where that is known."""
        return PatientKey(self.patient_id, self.issuer_of_patient_id or site_issuer)


@dataclass(frozen=True)
class Patient:
    """The patient of a study, in DICOM's own form: PN, DA, CS."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str

    @classmethod
    def of(cls, header: Header) -> "Patient":
        return cls(
            header.text("PatientID"),
            header.text("IssuerOfPatientID"),
            header.text("PatientName"),
            header.text("PatientBirthDate"),
            header.text("PatientSex"),
        )

    @property
    def key(self) -> PatientKey:
        return PatientKey(self.patient_id, self.issuer_of_patient_id)

    @property
    def person(self) -> Person:
        return Person(indexed_name(self.patient_name), self.patient_birth_date, self.patient_sex)

    @property
    def digest(self) -> str:
        """Names these values where what was made of an instance is stored."""
        values = "\x1f".join(astuple(self))
        return hashlib.sha256(values.encode()).hexdigest()[:16]

    @property
    def columns_of_study(self) -> dict[str, str]:
        """What a study shows of its patient beside the ID, by the columns of its row."""
        return {
            "patient_name": self.patient_name,
            "patient_name_folded": self.person.name_folded,
            "patient_birth_date": self.patient_birth_date,
            "patient_sex": self.patient_sex,
        }

    def under(self, key: PatientKey) -> "Patient":
        return replace(self, **key._asdict())


@dataclass(frozen=True)
class Demographics:
    """What a message or an administrator states; None: nothing is stated."""

    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None

    @property
    def stated(self) -> dict[str, str]:
        """Those that are stated, by their names in `Patient`."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Origin:
    """Who states a change: an HL7 message, or an administrator."""

    stated_by: str
    stated_by_id: str = ""
    sender: str = ""
    control_id: str = ""
    message_digest: str = ""
    trigger_event: str = ""
    reason: str = ""
    event_at: datetime | None = None
    """When what is stated happened; None: now."""


PIX = Origin("PIX manager", sender="PIX")
"""The cross-reference manager of the site (IHE PIX), whether it answers or notifies."""


@dataclass(frozen=True)
class Statement:
    """A change that is asked for, before it is checked against the others.

    `prior` is whose the studies were, of a merge, and the other ID of a link, which has no
    direction; `study_instance_uid` is the one that moves.
    `corrects`: the demographics are a correction, so a lone patient of that ID is meant even where
    neither name nor birth date is the same, and one who is unknown may still come. `prior_name`
    tells apart who shares the prior ID.
    """

    kind: ChangeKind
    key: PatientKey
    demographics: Demographics = Demographics()
    prior: PatientKey | None = None
    study_instance_uid: str = ""
    site_issuer: str = ""
    corrects: bool = True
    prior_name: str = ""

    def of_site(self) -> "Statement":
        """The same where IDs without an issuer are the site's."""
        prior = None if self.prior is None else self.prior.of_issuer(self.site_issuer)
        return replace(self, key=self.key.of_issuer(self.site_issuer), prior=prior)

    @property
    def keys(self) -> Sequence[PatientKey]:
        """All patients of whom it states something."""
        return [self.key] if self.prior is None else [self.key, self.prior]


@dataclass(frozen=True)
class PatientChange:
    """A change as it is recorded. In force until `undone_at` is set."""

    change_id: str
    kind: ChangeKind
    trigger_event: str
    sender: str
    control_id: str
    patient_id: str
    issuer_of_patient_id: str
    site_issuer: str
    """Patient IDs without an issuer are of this one."""
    prior_patient_id: str
    prior_issuer_of_patient_id: str
    study_instance_uid: str
    patient_name: str | None
    patient_birth_date: str | None
    patient_sex: str | None
    applied_to: tuple[Patient, ...]
    """As they had arrived; what tells later studies of these patients from those of others."""
    reason: str
    stated_by: str
    stated_by_id: str
    stated_at: datetime
    undone_by: str
    undo_reason: str
    undone_at: datetime | None

    @property
    def key(self) -> PatientKey:
        return PatientKey(self.patient_id, self.issuer_of_patient_id)

    @property
    def prior(self) -> PatientKey:
        return PatientKey(self.prior_patient_id, self.prior_issuer_of_patient_id)

    @property
    def keys(self) -> frozenset[PatientKey]:
        return frozenset({self.key, self.prior} - {PatientKey("", "")})

    @property
    def demographics(self) -> Mapping[str, str]:
        """Those that are stated, by their names in `Patient`."""
        named = {
            "patient_name": self.patient_name,
            "patient_birth_date": self.patient_birth_date,
            "patient_sex": self.patient_sex,
        }
        return {name: value for name, value in named.items() if value is not None}
