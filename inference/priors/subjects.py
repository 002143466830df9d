"""For whom earlier studies are looked for: the patient of a study, or of an order."""

from dataclasses import dataclass, replace

from inference.rules.facts import ORDER, Value
from inference.rules.order_facts import of_order
from storage.core.text.bounded_text import indexed_name
from storage.index.repository import Index
from storage.patient_identity.entities import PatientKey
from storage.patient_identity.repository import PatientChanges
from storage.patient_identity.same_person import Person
from storage.worklist.entities import WorklistItem


@dataclass(frozen=True)
class Subject:
    """A patient, and what is or will be examined.

    `study_date` is a DA, of an order that of its first step; empty where it is not known.
    """

    patient_id: str
    issuer_of_patient_id: str
    person: Person
    study_instance_uid: str
    study_date: str
    modalities: frozenset[str]
    body_parts: frozenset[str]
    linked: tuple[PatientKey, ...] = ()
    """Other IDs of the patient (`storage.patient_identity.links`)."""

    @property
    def key(self) -> PatientKey:
        return PatientKey(self.patient_id, self.issuer_of_patient_id)

    def under(self, key: PatientKey) -> "Subject":
        """The same patient by another of her IDs."""
        return replace(self, **key._asdict(), linked=())

    def with_links(self, changes: PatientChanges, site_issuer: str) -> "Subject":
        return replace(self, linked=tuple(changes.linked_with(self.key, site_issuer)))


class OrderFacts:
    """A worklist item as rules see it: its attributes, and those of its steps."""

    def __init__(self, item: WorklistItem) -> None:
        self._item = item

    def of(self, name: str) -> Value | None:
        found = of_order(self._item, name.removeprefix(ORDER))
        return tuple(dict.fromkeys(found)) or None


def subject_of_study(index: Index, study_instance_uid: str) -> Subject:
    """Raises NotFound."""
    study = index.study(study_instance_uid)
    received = [one for one in index.series_of(study_instance_uid) if one.origin == "received"]
    return Subject(
        study.patient_id,
        study.issuer_of_patient_id,
        Person(indexed_name(study.patient_name), study.patient_birth_date, study.patient_sex),
        study_instance_uid,
        study.study_date,
        frozenset(one.modality for one in received if one.modality),
        frozenset(one.body_part_examined.upper() for one in received if one.body_part_examined),
    )


def subject_of_order(item: WorklistItem) -> Subject:
    def text(keyword: str) -> str:
        return str(item.attributes.get(keyword, ""))

    facts = OrderFacts(item)
    modalities, body_parts = facts.of("Modality"), facts.of("BodyPartExamined")
    return Subject(
        text("PatientID"),
        text("IssuerOfPatientID"),
        Person(indexed_name(text("PatientName")), text("PatientBirthDate"), text("PatientSex")),
        item.study_instance_uid,
        item.start[:8],
        frozenset(modalities if isinstance(modalities, tuple) else ()),
        frozenset(body_parts if isinstance(body_parts, tuple) else ()),
    )
