"""One language of reports: its words, numbers, dates and inflections, read from data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from storage.core.text.dates import date_of, shown_time
from storage.core.text.rounding import rounded, shown_decimals

_PLACEHOLDER = re.compile(r"\{([A-Za-z_0-9]+)(?::([a-z_]+))?\}")
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_NUMBERED = re.compile(r"(?P<thing>.+?) (?P<number>\d+)")
_SMALL_PERCENT = 1.0
_CASES = ("nominative", "genitive", "both_genitive")


@dataclass(frozen=True)
class Locale:
    words: Mapping[str, Any]

    def fill(self, template: str, values: Mapping[str, str]) -> str:
        """The template with its placeholders filled in. Raises KeyError naming a missing one."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)

    def number(self, value: float, decimals: int) -> str:
        style = self.words["numbers"]
        text = f"{rounded(abs(value), decimals):,f}"
        text = text.translate(str.maketrans({",": style["group"], ".": style["decimal"]}))
        is_zero = not any(digit in "123456789" for digit in text)
        return text if value >= 0 or is_zero else f"{style['minus']}{text}"

    def quantity(self, value: float, unit: Code | None) -> str:
        """A number with its unit, as precise as people report it."""
        code = "" if unit is None else unit.value
        number = self.number(value, shown_decimals(value, code))
        if code == "%":
            return self.fill(self.words["percent"], {"number": number})
        if not code or code == "1":
            return number
        shown = self.words["units"].get(code, code)
        return self.fill(self.words["quantity"], {"number": number, "unit": shown})

    def percent(self, value: float) -> str:
        """A change or a limit; of a value that was measured, see `quantity`."""
        decimals = 2 if 0 < abs(value) < _SMALL_PERCENT else 1
        return self.fill(self.words["percent"], {"number": self.number(value, decimals)})

    def ordinal(self, number: int) -> str:
        """As a language counts places: 1st, 2nd, 3rd, 4th, 11th (the categories of Unicode)."""
        forms = self.words["ordinals"]
        teen = number % 100 in (11, 12, 13)
        form = "other" if teen else {1: "one", 2: "two", 3: "few"}.get(number % 10, "other")
        return self.fill(forms[form], {"number": str(number)})

    def part_of(self, quantity: str) -> str:
        """A quantity of a structure that the images cut off."""
        return self.fill(self.words["truncated"]["value"], {"value": quantity})

    def doubted(self, quantity: str) -> str:
        """A quantity that failed a check of plausibility."""
        return self.fill(self.words["implausible"]["value"], {"value": quantity})

    def measure(self, value: float, unit: str) -> str:
        """A technical value without needless zeros: 0.67 mm, 120 kVp."""
        decimals = next(count for count in (0, 1, 2) if count == 2 or round(value, count) == value)
        number = self.number(value, decimals)
        if unit == "deg":
            return f"{number}{self.words['units']['deg']}"
        return self.fill(
            self.words["quantity"], {"number": number, "unit": self.words["units"][unit]}
        )

    def date(self, dicom_date: str, dicom_time: str = "") -> str:
        """A DA value in words, with a TM to the minute where one is given; empty where the first is
        none."""
        match = _DATE.fullmatch(dicom_date.strip())
        if match is None or date_of(dicom_date) is None:
            return ""
        day = self.fill(
            self.words["date"],
            {
                "day": str(int(match[3])),
                "month": self.words["months"][int(match[2]) - 1],
                "year": match[1],
            },
        )
        time = shown_time(dicom_time)
        return self.fill(self.words["date_and_time"], {"date": day, "time": time}) if time else day

    def modality(self, code: str) -> str:
        return str(self.words["modalities"].get(code, code))

    def term(self, structure: str, case: str = "base") -> str:
        """A structure in this language, with its number where the pipeline counts several; as the
        pipeline names it where there is no word."""
        known, number = self._known(structure)
        if not known:
            return self.label(structure)
        return f"{known.get(case, known['base'])}{number}"

    def label(self, label: str) -> str:
        """What a pipeline calls a thing or a measurement of it, in this language; as it is where
        there is no word for the thing."""
        words, measure, side = label, "", ""
        for ending, shown in self.words["label_measures"].items():
            if words.lower().endswith(f" {ending.lower()}"):
                words, measure = words[: -len(ending) - 1], shown
                break
        for named, shown in self.words["label_sides"].items():
            if words.lower().startswith(f"{named} "):
                words, side = words[len(named) + 1 :], shown
                break
        known, number = self._known(words[:1].lower() + words[1:])
        if not known:
            return label
        base = str(known["base"])
        thing = f"{base[:1].upper()}{base[1:]}{number}"
        named = f"{thing} {side}" if side else thing
        return f"{named} ({measure})" if measure else named

    def _known(self, structure: str) -> tuple[Mapping[str, Any], str]:
        """The word for a structure with its forms, none where there is none, and " 2" of the
        second of several."""
        terms = self.words["terms"]
        if structure in terms:
            return terms[structure], ""
        rest = structure.removesuffix(", others")
        if rest != structure and rest in terms:
            return terms[rest], f", {self.words['label_others']}"
        numbered = _NUMBERED.fullmatch(structure)
        if numbered is not None and numbered["thing"] in terms:
            return terms[numbered["thing"]], f" {numbered['number']}"
        return {}, ""

    def about(self, side: str, structure: str) -> dict[str, str]:
        """Placeholders for a structure, by the grammar that the language's data hold."""
        gender = self._known(structure)[0].get("gender", "n")
        base = self.term(structure)
        values = {"structure": base, "Structure": base[:1].upper() + base[1:]}
        if side:
            values["side"] = self.words["sides"][side]["base"]
        for case in _CASES:
            values[f"structure:{case}"] = self.term(structure, case)
            for name, forms in (("side", self.words["sides"].get(side, {})),
                                ("article", self.words.get("articles", {}))):  # fmt: skip
                if case in forms:
                    values[f"{name}:{case}"] = forms[case][gender]
        return values

    def inflected(self, template: str, side: str, structure: str) -> str:
        """A phrase about a structure, in the cases that its placeholders name."""
        values = self.about(side, structure)
        return _PLACEHOLDER.sub(
            lambda match: values[f"{match[1]}:{match[2]}" if match[2] else match[1]], template
        )

    def measured_of(self, slot: str, side: str, structure: str, label: str) -> str:
        """What was measured of a structure, in words; `label` where there are none."""
        subjects = self.words["subjects"]
        measure = slot.removeprefix(f"{side}_") if side else slot
        of_any = f"side_{measure}" if side else measure
        numbered = subjects.get(f"numbered_{slot}") if structure[-1:].isdigit() else None
        if numbered is not None:
            # A name needs neither article nor gender.
            return self.inflected(numbered["text"], side, structure)
        phrase = subjects.get(f"{structure}_{slot}") or subjects.get(slot) or subjects.get(of_any)
        if phrase is None or (self.words["articles"] and structure not in self.words["terms"]):
            # A word of unknown gender cannot be inflected.
            return self.label(label)
        return self.inflected(phrase["text"], side, structure)


def placeholders(template: str) -> list[str]:
    return [match[0] for match in _PLACEHOLDER.findall(template)]


def languages() -> list[str]:
    """The languages that there are data for."""
    folder = resources.files("inference.reports") / "locales"
    return sorted(
        one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml")
    )


@cache
def load_locale(language: str) -> Locale:
    """Raises InvalidRequest naming the languages that there are."""
    if language not in languages():
        raise InvalidRequest(
            f"There are no report templates for the language '{language}'.",
            remedy=f"Languages are {', '.join(languages())}.",
        )
    return Locale(_read(f"locales/{language}.yaml"))


@cache
def references() -> Mapping[str, Any]:
    """Limits, tolerances and what pipelines look at; the same in every language."""
    return _read("references.yaml")


def _read(name: str) -> Mapping[str, Any]:
    text = (resources.files("inference.reports") / name).read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read
