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
        not where the sex is another one as well: then it is a twin, or somebody else's ID.
        """
        sex, other_sex = (sex_of(one) or one for one in (self.sex, other.sex))
        has_other_sex = bool(sex and other_sex and sex != other_sex)
        has_name = self.name_folded == other.name_folded
        if self.birth_date and other.birth_date:
            return self.birth_date == other.birth_date and (has_name or not has_other_sex)
        return has_name and not has_other_sex
