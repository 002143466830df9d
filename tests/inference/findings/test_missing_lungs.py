"""A lung that was measured before and is not found now is said wherever the other one is."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.prior_comparison import revise_comparisons
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.container import Storage
from storage.core.caveats import Caveat, CaveatKind
from storage.core.findings import Code, Validity
from tests.inference.reports.studies import VOLUME, measured_study, opened

LITRE = Code("L", "UCUM", "liter")


def lungs(
    storage: Storage, seed: int, date: str, litres: dict[str, float], missing: str = ""
) -> str:
    study = measured_study(storage, 5.0, seed=seed, date=date)
    (found,) = storage.findings.of_study(study)
    kind: CaveatKind = "no_left_lung" if missing == "left" else "no_right_lung"
    caveats = (Caveat(kind, f"No {missing} lung was found."),) if missing else ()
    storage.findings.replace_for_job(
        found.job_id,
        [
            replace(
                found,
                finding_id=f"{found.finding_id[:-2]}{number:02}",
                code=VOLUME,
                label=f"{what} volume",
                tracking_identifier=what,
                value=value,
                unit=LITRE,
                segmentation=None,
                validity=Validity("complete", caveats=caveats),
            )
            for number, (what, value) in enumerate(litres.items())
        ],
    )
    return study


def drafted(storage: Storage, study: str, language: str, kind: str) -> list[str]:
    sections = draft_sections(gather(storage, study), load_locale(language))
    return [one.text for section in sections if section.kind == kind for one in section.sentences]


BEFORE = {"Left lung": 1.73, "Right lung": 1.95, "Both lungs": 3.68}


@pytest.mark.parametrize(
    ("missing", "left_over", "litres"), [("right", "Left lung", 1.95), ("left", "Right lung", 1.73)]
)
def test_what_it_had_before_is_said_by_findings_and_draft(
    tmp_path: Path, missing: str, left_over: str, litres: float
) -> None:
    with opened(tmp_path) as storage:
        lungs(storage, 1, "20250101", BEFORE)
        now = lungs(storage, 2, "20260101", {left_over: BEFORE[left_over]}, missing)
        revise_comparisons(storage, now)
        (found,) = storage.findings.of_study(now)
        stated = (
            f"The study of 2025-01-01 states a {missing} lung of {litres} L, which was not found"
            " now."
        )
        assert stated in found.caveat_texts
        for kind in ("findings", "impression"):
            english = " ".join(drafted(storage, now, "en", kind))
            assert f"No {missing} lung was found in the images" in english
            assert (
                f"Not found now: the volume of the {missing} lung was {litres} L on 1 January 2025."
                in english
            )
            german = " ".join(drafted(storage, now, "de", kind))
            side = {"right": "rechte", "left": "linke"}[missing]
            assert f"keine {side} Lunge gefunden" in german
            then = f"{litres:.2f}".replace(".", ",")
            assert (
                f"Jetzt nicht gefunden: Volumen der {side}n Lunge (am 1. Januar 2025: {then} l)."
                in german
            )


def test_a_lung_that_was_not_found_before_either_is_not_gone(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        lungs(storage, 1, "20250101", {"Left lung": 1.73}, "right")
        now = lungs(storage, 2, "20260101", {"Left lung": 1.75}, "right")
        revise_comparisons(storage, now)
        (found,) = storage.findings.of_study(now)
        assert found.caveat_texts == ("No right lung was found.",)
        assert found.prior is not None
        assert "Not found now" not in " ".join(drafted(storage, now, "en", "findings"))


def test_both_lungs_found_again_say_nothing_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        lungs(storage, 1, "20250101", BEFORE)
        now = lungs(storage, 2, "20260101", BEFORE)
        revise_comparisons(storage, now)
        assert not [text for one in storage.findings.of_study(now) for text in one.caveat_texts]
