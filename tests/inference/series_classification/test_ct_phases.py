"""Contrast phases of CT over the headers of examinations of three makers' ways of writing them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.series_classification.ct_phase import (
    ContrastPhase,
    CtSeries,
    contrast_phases,
    ct_series,
)

NATIVE, ARTERIAL, PORTAL, DELAYED = PHASES = ("NATIVE", "ARTERIAL", "PORTAL_VENOUS", "DELAYED")
# Seconds after the injection at which protocols acquire each phase.
PROTOCOLS: dict[str, list[tuple[ContrastPhase, float]]] = {
    "liver": [(NATIVE, -240), (ARTERIAL, 35), (PORTAL, 70), (DELAYED, 180)],
    "liver, two arterial": [(ARTERIAL, 20), (ARTERIAL, 36), (PORTAL, 72), (DELAYED, 240)],
    "pancreas": [(ARTERIAL, 42), (PORTAL, 75)],
    "kidney": [(NATIVE, -120), (ARTERIAL, 28), (PORTAL, 85), (DELAYED, 480)],
    "aorta": [(NATIVE, -90), (ARTERIAL, 25), (PORTAL, 70)],
    "abdomen, late": [(NATIVE, -60), (PORTAL, 70), (DELAYED, 300)],
    "urography": [(NATIVE, -300), (PORTAL, 90), (DELAYED, 600)],
    "without": [(NATIVE, 0)],
    "without, two": [(NATIVE, 0), (NATIVE, 20)],
}  # fmt: skip
WORDS = {
    "silent": dict.fromkeys(PHASES, ""),
    "english": {NATIVE: "Abd w/o contrast", ARTERIAL: "Liver arterial 1.5", PORTAL: "Portal venous",
                DELAYED: "Delayed 3 min"},
    "german": {NATIVE: "Abdomen nativ 3.0", ARTERIAL: "Leber art. 1.0", PORTAL: "Abdomen venös",
               DELAYED: "Spätphase 5 min"},
    # Copied from the protocol to all series.
    "one for all": dict.fromkeys(PHASES, "CT Abdomen 3-Phasen"),
}  # fmt: skip
# Whether the agent stands in the headers of native images as well, and when the injection began.
AGENT = ("after", "in all", "coded")
START = ("stated", "not stated")
DAYTIME = (datetime(2026, 3, 4, 10, 12, 30), datetime(2026, 3, 4, 23, 58, 50))


def header(time: datetime, **stated: Any) -> Dataset:
    made = Dataset()
    made.Modality, made.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.SeriesInstanceUID = f"2.25.{abs(hash((time, tuple(stated)))) % 10**12}"
    made.AcquisitionDate, made.AcquisitionTime = f"{time:%Y%m%d}", f"{time:%H%M%S.%f}"
    for keyword, value in stated.items():
        setattr(made, keyword, value)
    return made


def stack(first: Dataset, uid: str) -> list[Dataset]:
    """The first and the last of its images."""
    last = Dataset()
    last.update(first)
    first.SeriesInstanceUID = last.SeriesInstanceUID = uid
    first.ImagePositionPatient, last.ImagePositionPatient = [0, 0, 0], [0, 0, 300]
    return [first, last]


def examinations() -> Iterator[tuple[str, dict[str, ContrastPhase], list[CtSeries]]]:
    for (name, phases), words, agent, start, begun in product(
        PROTOCOLS.items(), WORDS, AGENT, START, DAYTIME
    ):
        with_agent = any(phase != NATIVE for phase, _ in phases)
        if agent == "in all" and start == "not stated" and NATIVE in dict(phases):
            # What tells the native images apart then is nowhere but in words.
            continue
        expected, series = {}, []
        for number, (phase, seconds) in enumerate(phases):
            made = header(begun + timedelta(seconds=seconds))
            made.SeriesDescription = WORDS[words][phase]
            if with_agent and (phase != NATIVE or agent == "in all"):
                if agent == "coded":
                    item = Dataset()
                    item.CodeMeaning = "Iohexol"
                    made.ContrastBolusAgentSequence = [item]
                else:
                    made.ContrastBolusAgent = "Imeron 350"
                if start == "stated":
                    made.ContrastBolusStartTime = f"{begun:%H%M%S}"
            uid = f"2.25.{number + 1}"
            found = ct_series(stack(made, uid))
            assert found is not None
            series.append(found)
            expected[uid] = phase
        yield f"{name}, {words}, {agent}, {start}", expected, series


def test_at_least_99_of_100_phases_are_recognised() -> None:
    wrong: list[Any] = []
    count = 0
    for name, expected, series in examinations():
        found = contrast_phases(series)
        for uid, phase in expected.items():
            count += 1
            if found.get(uid) != phase:
                wrong.append((name, phase, found.get(uid)))
    print(f"{count - len(wrong)} of {count} right")
    assert count > 800
    assert len(wrong) <= count * 0.01, (len(wrong), count, wrong[:20])


def phases_of(*headers: Dataset) -> list[str]:
    series = [ct_series(stack(one, f"2.25.{number}")) for number, one in enumerate(headers, 1)]
    found = contrast_phases([one for one in series if one is not None])
    return [found.get(f"2.25.{number}", "none") for number in range(1, len(headers) + 1)]


BEGUN = datetime(2026, 3, 4, 10, 0)


def at(seconds: float, **stated: Any) -> Dataset:
    return header(BEGUN + timedelta(seconds=seconds), **stated)


AGENT_STATED = {"ContrastBolusAgent": "Imeron"}


def test_timing_counts_more_than_words_and_than_the_agent() -> None:
    injected = {**AGENT_STATED, "ContrastBolusStartTime": "100000"}
    called = at(70, **injected, SeriesDescription="Arterial phase")
    before = at(-60, **AGENT_STATED, SeriesDescription="portal")
    assert phases_of(called, before) == [PORTAL, NATIVE]


def test_reconstructions_of_one_acquisition_have_one_phase() -> None:
    thick, thin = (at(35, **AGENT_STATED) for _ in range(2))
    assert phases_of(thick, thin, at(70, **AGENT_STATED)) == [ARTERIAL, ARTERIAL, PORTAL]


def test_one_series_after_contrast_is_told_by_its_name_alone() -> None:
    assert phases_of(at(0, **AGENT_STATED)) == [""]
    assert phases_of(at(0, **AGENT_STATED, SeriesDescription="CTA thorax")) == [ARTERIAL]
    assert phases_of(at(0, **AGENT_STATED, SeriesDescription="Abd. portalvenös")) == [PORTAL]
    assert phases_of(at(0, **AGENT_STATED, SeriesDescription="nativ")) == [""]


def test_a_series_whose_header_is_silent_comes_after_the_others() -> None:
    assert phases_of(at(0), at(90, **AGENT_STATED), at(130)) == [NATIVE, ARTERIAL, PORTAL]


def test_words_of_a_phase_speak_against_an_examination_without_contrast() -> None:
    named = [at(0, SeriesDescription="native"), at(90, SeriesDescription="arterial")]
    assert phases_of(*named, at(130)) == [NATIVE, ARTERIAL, ""]


def test_enhanced_images_state_it() -> None:
    item = Dataset()
    item.ContrastBolusAgentPhase = "PORTAL VENOUS"
    assert phases_of(at(0, ContrastBolusUsageSequence=[item])) == [PORTAL]


def test_an_injection_of_another_examination_does_not_count() -> None:
    earlier = {**AGENT_STATED, "ContrastBolusStartTime": "030000"}
    assert phases_of(at(0, **earlier), at(35, **earlier)) == [ARTERIAL, PORTAL]


def test_what_watches_the_bolus_and_localizers_have_no_phase() -> None:
    watching = [at(second, ImagePositionPatient=[0, 0, 50]) for second in (8, 9, 10)]
    assert ct_series(watching) is None
    assert ct_series([at(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])]) is None
    assert ct_series([at(0, Modality="MR")]) is None
    assert ct_series([]) is None


@pytest.mark.parametrize(
    "stated",
    [
        {"AcquisitionTime": "", "AcquisitionDate": ""},
        {"AcquisitionTime": "noon"},
        {"AcquisitionTime": "256199", "AcquisitionDate": "20261399"},
        {"ContrastBolusStartTime": "soon"},
    ],
)
def test_times_that_are_none_tell_nothing(stated: dict[str, str]) -> None:
    broken = Dataset()
    broken.update(at(0, **AGENT_STATED))
    for keyword, value in stated.items():
        broken[keyword] = type(broken["Modality"])(keyword, "LO", value)
    assert phases_of(broken) == [""]


@pytest.mark.parametrize(
    "description",
    [
        "CT AP W CONTRAST",
        "CAP AP 3.0",
        "Thorax AP",
        "HEAD VP SHUNT",
        "PV MAPPING",
        "LEFT ATRIUM PV",
        "ABD intravenous contrast",
        "i.v. KM Thorax",
        "VENTRICLE 1.0",
        "PART SOLID NODULE",
    ],
)
def test_words_that_mean_something_else_on_ct_are_no_phase(description: str) -> None:
    assert phases_of(at(0, SeriesDescription=description, ContrastBolusAgent="Imeron")) == [""]


@pytest.mark.parametrize(
    ("description", "phase"),
    [
        ("Abdomen venös 3.0", "PORTAL_VENOUS"),
        ("ABD VENOUS", "PORTAL_VENOUS"),
        ("Leber pv PORTAL", "PORTAL_VENOUS"),
        ("ABD_PVP_1.5", "PORTAL_VENOUS"),
        ("ABD ART", "ARTERIAL"),
        ("CTA aorta", "ARTERIAL"),
    ],
)
def test_words_that_name_a_phase_do(description: str, phase: str) -> None:
    assert phases_of(at(0, SeriesDescription=description, ContrastBolusAgent="Imeron")) == [phase]
