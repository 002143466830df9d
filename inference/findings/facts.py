"""What a finding states, taken apart: which side, which structure, which measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from inference.findings.counts import counts_none
from storage.core.findings import Direction, Finding

Side = Literal["left", "right", "both", ""]

# By the code of what was measured; the words that the label ends with for it.
_MEASURES: Mapping[str, tuple[str, str]] = {
    "118565006": ("volume", " volume"),
    "BRAINMASK": ("volume", " volume"),
    "BRAINSHARE": ("share", " share of brain"),
    "ICV": ("volume", " volume"),
    "PARENCHYMA": ("volume", " volume"),
    "ICVSHARE": ("share", " share of intracranial volume"),
    "MLD": ("mean_density", " mean density"),
    "LAA950": ("laa950", " LAA-950"),
    "PERC15": ("perc15", " 15th percentile"),
}
_SIDES: tuple[Side, ...] = ("left", "right", "both")
_SINGULAR = {"lungs": "lung"}


@dataclass(frozen=True)
class Fact:
    """One finding as the templates know it, with the value that counts."""

    finding: Finding
    side: Side
    structure: str
    """In English and lower case, as pipelines name it: "hippocampus"."""
    measure: str
    """`volume`, `share`, …; `value` for a number and `answer` for a class without a measure."""
    value: float | None
    corrected_by: str = ""
    """Who gave another value than the pipeline's; empty where nobody did."""
    named: str = ""
    """What a person holds to be its right name; empty where nobody has given one."""
    named_by: str = ""
    lesion_uid: str = ""
    """Of a lesion: its tracking UID. Its name holds the number that this study gave it."""
    is_joined: bool = False
    """Of a lesion that merged or split, so that it alone is not what it was."""

    @property
    def is_truncated(self) -> bool:
        """Whether the value is that of a part: a person's value is of the whole."""
        return self.finding.is_truncated and not self.corrected_by

    @property
    def is_implausible(self) -> bool:
        """Whether the value failed a check, and no person has given another."""
        return self.finding.is_implausible and not self.corrected_by

    @property
    def is_sound(self) -> bool:
        """Whether the value stands for the structure: neither of a part nor implausible."""
        return self.finding.is_sound or bool(self.corrected_by)

    @property
    def counts_none(self) -> bool:
        """Whether the software marked nothing, and no person has stated another number."""
        return counts_none(self.finding) and not self.corrected_by

    @property
    def is_comparable(self) -> bool:
        """Whether an earlier study may state the same quantity: a projection shows another part
        of the patient each time, in another size."""
        return self.is_sound and self.finding.image is None

    @property
    def cut_off_at(self) -> tuple[Direction, ...]:
        """Where the images cut the structure off; empty of what counts as complete."""
        validity = self.finding.validity
        return validity.cut_off_at if validity is not None and self.is_truncated else ()

    @property
    def slot(self) -> str:
        """The name under which a template asks for it: `left_volume`, `volume`."""
        return f"{self.side}_{self.measure}" if self.side else self.measure

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What an earlier study must state for the two to be comparable."""
        return self.finding.pipeline, self.side, self.lesion_uid or self.structure, self.measure


def fact_of(finding: Finding, value: float | None = None, corrected_by: str = "") -> Fact:
    """Take a finding apart; `value` is a person's, where one has corrected it."""
    words = finding.quantity_label.strip()
    side: Side = ""
    for named in _SIDES:
        if words.lower().startswith(f"{named} "):
            side, words = named, words[len(named) + 1 :]
            break
    measure, ending = _MEASURES.get(finding.code.value, ("", ""))
    if measure and words.lower().endswith(ending.lower()):
        words = words[: -len(ending)]
    elif finding.value is None:
        measure = "answer"
    else:
        measure = "value"
    structure = words if measure in ("value", "answer") else words[:1].lower() + words[1:]
    return Fact(
        finding=finding,
        side=side,
        structure=_SINGULAR.get(structure, structure),
        measure=measure,
        value=finding.value if value is None else value,
        corrected_by=corrected_by,
    )
