"""Findings in words, for the slots of the templates."""

from dataclasses import dataclass

from benchmarks.faithfulness.evidence import PRIOR_DATE, STUDY_DATE
from inference.language.guard import Evidence
from storage.core.findings import Finding
from storage.core.variation import variation_of

_UNCHANGED = 0.009
KINDS = {
    " volume": "volume",
    " mean density": "density",
    " LAA-950": "laa",
    " 15th percentile": "percentile",
    " share of brain": "share",
}
_DECIMALS = {"volume": 2, "density": 1, "laa": 2, "percentile": 0, "share": 3}
_SHOWN_UNITS = {"cm3": ("cm³", "mL", "cm3", "ml", "cc"), "L": ("L", "l", "litres")}
_GERMAN = {
    "brain mask": "Gehirn",
    "brain": "Gehirn",
    "brain stem": "Hirnstamm",
    "third ventricle": "dritter Ventrikel",
    "fourth ventricle": "vierter Ventrikel",
    "hippocampus": "Hippocampus",
    "amygdala": "Amygdala",
    "thalamus": "Thalamus",
    "caudate nucleus": "Nucleus caudatus",
    "putamen": "Putamen",
    "globus pallidus": "Globus pallidus",
    "nucleus accumbens": "Nucleus accumbens",
    "ventral diencephalon": "ventrales Zwischenhirn",
    "lateral ventricle": "Seitenventrikel",
    "inferior horn of lateral ventricle": "Unterhorn des Seitenventrikels",
    "cerebral white matter": "Großhirnmark",
    "cerebral cortex": "Großhirnrinde",
    "cerebellar white matter": "Kleinhirnmark",
    "cerebellar cortex": "Kleinhirnrinde",
    "lung": "Lunge",
    "both lungs": "beide Lungen",
}


@dataclass(frozen=True)
class Measured:
    """One finding in the words that slots take."""

    finding: Finding
    what: str
    bare: str
    side: str
    kind: str

    def slots(self, evidence: Evidence, variant: int) -> dict[str, str]:
        """Values of the slots; `variant` chooses among the ways to write the unit."""
        value = self.finding.value or 0.0
        decimals = _DECIMALS[self.kind]
        unit = self.finding.unit.value if self.finding.unit else ""
        shown = _SHOWN_UNITS.get(unit, (unit,))
        slots = {
            "what": self.what,
            "bare": self.bare,
            "what_de": self.german(),
            "value": english(value, decimals),
            "value_de": german(value, decimals),
            "unit": shown[variant % len(shown)],
            "date": iso(STUDY_DATE),
            **_patient(evidence),
        }
        return with_capitals(slots | self._prior(evidence, decimals))

    def german(self) -> str:
        name = _GERMAN[self.bare]
        return {"left": f"{name} links", "right": f"{name} rechts"}.get(self.side, name)

    def _prior(self, evidence: Evidence, decimals: int) -> dict[str, str]:
        for prior in evidence.priors:
            if prior.study_date != PRIOR_DATE:
                continue
            (before,) = [one for one in prior.findings if one.label == self.finding.label]
            return _moved(self.finding.value or 0.0, before.value or 0.0, decimals)
        return {}

    def is_unchanged(self, evidence: Evidence) -> bool:
        """Whether the prior's value is the same, but for the variation of the measurement."""
        for prior in evidence.priors:
            if prior.study_date == PRIOR_DATE:
                (before,) = [one for one in prior.findings if one.label == self.finding.label]
                now, then = self.finding.value or 0.0, before.value or 1.0
                variation = variation_of(self.finding, before, then)
                if variation is not None:
                    return variation.covers(now, then)
                return abs(now - then) / abs(then) < _UNCHANGED
        return True


def words_of(finding: Finding) -> Measured:
    """The thing and the kind of its measure, from the label."""
    (ending,) = [one for one in KINDS if finding.label.endswith(one)]
    what = finding.label.removesuffix(ending)
    what = what[0].lower() + what[1:]
    side = next((one for one in ("left", "right") if what.startswith(f"{one} ")), "")
    return Measured(finding, what, what.removeprefix(f"{side} "), side, KINDS[ending])


def _moved(value: float, before: float, decimals: int) -> dict[str, str]:
    grown = value > before
    percent = (value - before) / abs(before) * 100.0
    de = ("zugenommen", "abgenommen") if grown else ("abgenommen", "zugenommen")
    en = ("increased", "decreased") if grown else ("decreased", "increased")
    noun = ("increase", "decrease") if grown else ("decrease", "increase")
    size = ("larger", "smaller") if grown else ("smaller", "larger")
    return {
        "prior": english(before, decimals),
        "prior_de": german(before, decimals),
        "prior_date": iso(PRIOR_DATE),
        "prior_date_de": f"{PRIOR_DATE[6:]}.{PRIOR_DATE[4:6]}.{PRIOR_DATE[:4]}",
        "wrong_date": "2019-05-17",
        "wrong_prior": english(before * 1.37, decimals),
        "change": f"{abs(percent):.1f}",
        "change_de": f"{abs(percent):.1f}".replace(".", ","),
        "change_signed": f"{percent:+.1f}",
        "wrong_change": f"{abs(percent) * 2 + 3:.1f}",
        "difference": english(abs(value - before), decimals),
        "moved": en[0],
        "moved_wrong": en[1],
        "moved_de": de[0],
        "moved_wrong_de": de[1],
        "move": noun[0],
        "move_wrong": noun[1],
        "a_move": f"{'an' if grown else 'a'} {noun[0]}",
        "comparative": size[0],
        "comparative_wrong": size[1],
    }


def _patient(evidence: Evidence) -> dict[str, str]:
    study = evidence.study
    female = study.patient_sex == "F"
    age = study.patient_age_years or 0
    return {
        "age": str(age),
        "wrong_age": str(age + 9),
        "sex": "female" if female else "male",
        "wrong_sex": "male" if female else "female",
        "sex_de": "Frau" if female else "Mann",
        "modality": study.modalities[0],
        "wrong_modality": "CT" if study.modalities[0] == "MR" else "MRI",
        "wrong_name": "Schneider",
        "wrong_id": "7741902",
        "wrong_prior": "999",
        "wrong_date": "2019-05-17",
    }


def with_capitals(slots: dict[str, str]) -> dict[str, str]:
    """For each slot the same with a capital letter, under its own name with one."""
    return slots | {
        name[0].upper() + name[1:]: text[:1].upper() + text[1:] for name, text in slots.items()
    }


def english(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def german(value: float, decimals: int) -> str:
    return english(value, decimals).translate(str.maketrans(",.", ".,"))


def iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"
