"""Evidence as the pipelines of the box give it, with values of a reader's choice."""

import itertools
from collections.abc import Callable

from inference.findings.facts import Fact, fact_of
from inference.reports.evidence import Evidence, Prior
from inference.reports.technique import SeriesTechnique
from storage.core.acquisition import DENSITIES
from storage.core.clock import utcnow
from storage.core.entities import Study
from storage.core.findings import Acquisition, Code, Finding, Validity

SERIES = "2.25.3"
_ALIKE = Validity("complete", acquisition=Acquisition("B30f", 2.5))
_NUMBERS = itertools.count()


def fact(
    label: str, code: str, value: float, unit: str, pipeline: str, study: str = "2.25.1"
) -> Fact:
    return fact_of(
        Finding(
            f"f{next(_NUMBERS)}", "j", study, SERIES, pipeline, "1.0.0", label,
            Code(code, "99MEDIVIEW", label), value, Code(unit, "UCUM", unit), None,
            label, "2.25.9", None, utcnow(), validity=_ALIKE if code in DENSITIES else None,
        )
    )  # fmt: skip


def lungs(study: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
    found = []
    for what, litres in (("Left lung", 2.21), ("Right lung", 2.63), ("Both lungs", 4.84)):
        found += [
            fact(f"{what} volume", "118565006", litres * factor, "L", "lung-density", study),
            fact(f"{what} mean density", "MLD", -832.4, "[hnsf'U]", "lung-density", study),
            fact(f"{what} LAA-950", "LAA950", 3.123 * factor, "%", "lung-density", study),
            fact(f"{what} 15th percentile", "PERC15", -921.0, "[hnsf'U]", "lung-density", study),
        ]
    return tuple(found)


def brain(study: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
    found = [fact("Brain volume", "118565006", 1791.7 * factor, "cm3", "brain-volume", study)]
    for what, cm3 in (("Left hippocampus", 3.812), ("Right hippocampus", 3.904),
                      ("Third ventricle", 1.2)):  # fmt: skip
        pipeline, share = "brain-structures", cm3 / 17.917
        found += [
            fact(f"{what} volume", "118565006", cm3 * factor, "cm3", pipeline, study),
            fact(f"{what} share of brain", "BRAINSHARE", share, "%", pipeline, study),
        ]
    return tuple(found)


def head(study: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
    """The intracranial volume by both pipelines, as on one series they have it."""
    return tuple(
        fact(label, code, cm3 * factor, "cm3", pipeline, study)
        for label, code, cm3, pipeline in (
            ("Intracranial volume", "118565006", 1520.4, "brain-volume"),
            ("Intracranial volume", "ICV", 1520.4, "brain-structures"),
            ("Brain parenchyma volume", "PARENCHYMA", 1180.2, "brain-structures"),
        )
    )


def study_of(uid: str, date: str, modality: str) -> Study:
    now = utcnow()
    return Study(
        uid, "P1", "", "Doe^Jane", "19660101", "F", date, "", "", "", "", "",
        now, now, 1, 1, 1, (modality,),
    )  # fmt: skip


def evidence(
    make: Callable[..., tuple[Fact, ...]],
    modality: str,
    *,
    prior_factor: float | None = None,
    indication: str = "",
    contrast_agent: str | None = None,
) -> Evidence:
    technique = SeriesTechnique(
        SERIES, 3, modality, "", ("lung-density" if modality == "CT" else "brain-volume",), 133,
        slice_thickness_mm=2.5, contrast_agent=contrast_agent,
    )  # fmt: skip
    prior = None
    if prior_factor is not None:
        prior = Prior(study_of("2.25.2", "20230312", modality), make("2.25.2", prior_factor))
    return Evidence(
        study_of("2.25.1", "20240401", modality), make(), (), (), (technique,), prior, indication
    )
