"""The cases: each a sentence or a text, its evidence, and whether it must pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import yaml

from benchmarks.faithfulness.evidence import measured
from benchmarks.faithfulness.mutations import other_number, other_side, other_unit
from benchmarks.faithfulness.wording import Measured, german, with_capitals, words_of
from inference.language.guard import Evidence

Half = Literal["tuned", "held_out"]
HALVES: tuple[Half, ...] = ("tuned", "held_out")
FAITHFUL = "faithful"
SUBJECTS_OF_A_TEMPLATE = 12
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """`what` is `faithful`, or how the sentence was made false."""

    half: Half
    source: str
    what: str
    template: str
    text: str
    evidence: Evidence
    whole_text: bool = False
    """Judged as a text that leaves something out, not as a sentence."""


@cache
def templates(half: Half, name: str) -> dict[str, Any]:
    """The sentences of one half."""
    text = (_FOLDER / half / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def finding_cases(half: Half) -> Iterator[Case]:
    """Templates filled from findings, and each of them made false."""
    given = templates(half, "findings")
    for kind, sentences in given["faithful"].items():
        for template in sentences:
            for name, evidence, slots in _filled(kind, template):
                yield Case(half, name, FAITHFUL, template, template.format(**slots), evidence)
                yield from _made_false(half, name, kind, template, slots, evidence)
    for what, kinds in given["unfaithful"].items():
        for kind, sentences in kinds.items():
            for template in sentences:
                for name, evidence, slots in _filled(kind, template):
                    text = template.format(**slots)
                    yield Case(half, name, what, template, text, evidence)


def _made_false(
    half: Half, name: str, kind: str, template: str, slots: dict[str, str], evidence: Evidence
) -> Iterator[Case]:
    text = template.format(**slots)
    variant = _number_of(template + text)
    keep = ("-950", slots["age"]) if kind != "patient" else ("-950",)
    changed = {
        "number": None if kind == "same" else other_number(text, variant, keep),
        "unit": other_unit(text, variant),
        "side": None if kind == "same" and "{value" not in template else other_side(text),
        "wrong_patient": _of_another(template, slots) if kind == "volume" else None,
    }
    for what, sentence in changed.items():
        if sentence is not None and sentence != text:
            yield Case(half, name, what, template, sentence, evidence)


def _of_another(template: str, slots: dict[str, str]) -> str:
    """The same sentence with what was measured of another patient."""
    value = float(slots["value"].replace(",", "")) * 1.183 + 0.31
    other = with_capitals({"value": f"{value:,.2f}", "value_de": german(value, 2)})
    return template.format(**{**slots, **other})


def _filled(kind: str, template: str) -> Iterator[tuple[str, Evidence, dict[str, str]]]:
    """Each template with some of what it fits, the same ones in every run."""
    found = [
        (name, evidence, one)
        for name, evidence in measured().items()
        for one in _fitting(kind, template, name, evidence)
    ]
    found.sort(key=lambda one: _number_of(f"{template}{one[0]}{one[2]}"))
    for position, (name, evidence, one) in enumerate(found[:SUBJECTS_OF_A_TEMPLATE]):
        if isinstance(one, tuple):
            yield name, evidence, _pair_slots(one, evidence, position)
        elif isinstance(one, Measured):
            yield name, evidence, one.slots(evidence, position)
        else:
            yield name, evidence, one


def _fitting(kind: str, template: str, name: str, evidence: Evidence) -> Iterator[Any]:
    if kind == "label":
        if name == "image-classification":
            yield from _labels(evidence)
        return
    if name == "image-classification":
        return
    words = [words_of(one) for one in evidence.findings]
    if kind == "pair":
        volumes = {one.what: one for one in words if one.kind == "volume"}
        for what, one in volumes.items():
            if one.side == "left" and not evidence.priors:
                yield one, volumes[what.replace("left", "right")]
        return
    wanted = "volume" if kind in ("prior", "same", "patient") else kind
    needs_prior = "{prior" in template or kind in ("prior", "same")
    for one in words:
        if one.kind != wanted or needs_prior != bool(evidence.priors):
            continue
        # Below the variation of the measurement, no change may be stated.
        if not needs_prior or one.is_unchanged(evidence) == (kind == "same"):
            yield one


def _labels(evidence: Evidence) -> Iterator[dict[str, str]]:
    for finding in evidence.findings:
        percent = (finding.confidence or 0.0) * 100.0
        shown = f"{percent:.1f}".removesuffix(".0")
        yield with_capitals(
            {
                "what": finding.label.lower(),
                "value": shown,
                "value_de": shown.replace(".", ","),
                "age": "61",
            }
        )


def _pair_slots(
    pair: tuple[Measured, Measured], evidence: Evidence, position: int
) -> dict[str, str]:
    left, right = (one.slots(evidence, position) for one in pair)
    return left | {"left": left["value"], "right": right["value"]}


def _number_of(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4])
