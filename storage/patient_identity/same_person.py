"""Whether two headers with one patient ID mean one person.

An ID is unique within its issuer (PS3.3 C.7.1.1), but studies from elsewhere, phantoms and
emergency admissions come with IDs that somebody else has, and mostly without an issuer.
"""

from dataclasses import dataclass

from storage.core.patient_sex import sex_of
from storage.core.text.bounded_text import indexed_name
from storage.dicom.part10 import Header


@dataclass(frozen=True)
class Person:
    """What tells people apart beside their ID: a folded name, a birth date (DA) and a sex (CS)."""

    name_folded: str
    birth_date: str
    sex: str

    @classmethod
    def of(cls, header: Header) -> "Person":
        return cls(
            indexed_name(header.text("PatientName")),
            header.text("PatientBirthDate"),
            header.text("PatientSex"),
        )

    def may_be(self, other: "Person") -> bool:
        """The birth dates decide; where one is missing, the names do, and sexes that are known.

        A name that changed beside the same birth date is a marriage or a corrected spelling, but
        where one is a man and the other a woman it is a twin, or somebody else's ID.
        """
        sexes = {sex_of(self.sex) or self.sex, sex_of(other.sex) or other.sex}
        if self.birth_date and other.birth_date:
            is_twin = sexes == {"M", "F"} and _are_unlike(self.name_folded, other.name_folded)
            return self.birth_date == other.birth_date and not is_twin
        return self.name_folded == other.name_folded and len(sexes - {""}) < 2


def _are_unlike(name: str, other: str) -> bool:
    """Whether both are known, and neither begins as the other, such as with an initial."""
    return bool(name and other) and not (name.startswith(other) or other.startswith(name))
