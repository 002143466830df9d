"""The contrast phase of a CT: by its attributes and by when it was acquired, words last.

Whether an agent was given, when its injection began and when each series was acquired is what the
scanner knows. Where nobody states the injection, the series of the study are put in the order of
their acquisition: from the arterial to the portal venous phase it is half a minute, to the delayed
one some minutes. Words of a description decide only what both leave open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.headers import image_type, items_of_frames

ContrastPhase = Literal["NATIVE", "ARTERIAL", "PORTAL_VENOUS", "DELAYED", ""]
PHASES: tuple[ContrastPhase, ...] = tuple(one for one in get_args(ContrastPhase) if one)

# Contrast/Bolus Agent Phase (0018,9344) of enhanced images; others, as DYNAMIC, are no one phase.
_STATED: dict[str, ContrastPhase] = {
    "PRE_CONTRAST": "NATIVE",
    "ARTERIAL": "ARTERIAL",
    "PORTAL_VENOUS": "PORTAL_VENOUS",
    "VENOUS": "PORTAL_VENOUS",
    "DELAYED": "DELAYED",
}
_WORDS: tuple[tuple[re.Pattern[str], ContrastPhase], ...] = (
    (
        re.compile(
            r"nativ|non.?(?:contrast|enh)|un.?enhanced|without|ohne|pre.?contrast|(?<![a-z])(?:plain"
            r"|wo|w/o|nc|ncct|nect|sans)(?![a-z])"
        ),
        "NATIVE",
    ),
    (re.compile(r"delay|sp[aä]e?t|excret|urogra|equilib|ausscheid|tardi"), "DELAYED"),
    # Not "intravenous"; and on CT "AP" is abdomen and pelvis, or the direction of a localizer, "VP"
    # a shunt, "PV" the pulmonary veins.
    (re.compile(r"portal|(?<![a-z])(?:ven[oö]e?[su]|(?:ven|pvp)(?![a-z]))"), "PORTAL_VENOUS"),
    (re.compile(r"arteri|angio|(?<![a-z])(?:art|cta|aorta)(?![a-z])"), "ARTERIAL"),
)
# Seconds after the injection began. Before the agent comes, images are as without it; between the
# arterial (20 to 45) and the portal venous phase (60 to 90) lies a pause, as before the delayed
# one (from 150).
_ARRIVES_S, _PORTAL_S, _DELAYED_S = 8.0, 50.0, 125.0
_ARTERIAL_DELAY_S, _PORTAL_DELAY_S = 30.0, 70.0
# From an arterial phase to the next one; the second of two arterial ones comes sooner.
_ARTERIAL_GAP_S = (8.0, 62.0)
# Reconstructions of one acquisition.
_SAME_ACQUISITION_S = 4.0
# An agent that was given so long ago is another examination's.
_INJECTION_AT_MOST_S = 3600.0
_LEAST_STEP_MM = 1.0


@dataclass(frozen=True)
class CtSeries:
    """By what the phase of one series is recognised. `key` is its Series Instance UID.

    `acquired` and `injected` without time zone; None where they are not stated.
    """

    key: str
    stated: ContrastPhase
    has_agent: bool
    acquired: datetime | None
    injected: datetime | None
    words: ContrastPhase
    study_instance_uid: str = ""


def ct_series(headers: Sequence[Dataset]) -> CtSeries | None:
    """Of the headers of a series, or of its first and last; None of what is no CT of a region:
    another modality, a localizer, the images that watch the bolus at one place."""
    if not headers or headers[0].get("Modality") != "CT":
        return None
    first = headers[0]
    kinds = {one.upper() for one in image_type(first)}
    if "LOCALIZER" in kinds or "SECONDARY" in kinds or _at_one_place(headers):
        return None
    times = [time for one in headers if (time := _acquired(one)) is not None]
    return CtSeries(
        str(first.get("SeriesInstanceUID") or ""),
        _stated_phase(first),
        any(contrast_agent_given(one) for one in headers),
        min(times, default=None),
        _injected(first),
        _by_words(first),
        str(first.get("StudyInstanceUID") or ""),
    )


def contrast_phases(series: Sequence[CtSeries]) -> dict[str, ContrastPhase]:
    """By key: the phase of each CT series of a study; empty where nothing tells it."""
    found: dict[str, ContrastPhase] = {}
    injected = _injection_of(series)
    for one in series:
        if one.stated:
            found[one.key] = one.stated
        elif injected is not None and one.acquired is not None:
            found[one.key] = _at(_seconds(one.acquired, injected))
    open_ones = [one for one in series if one.key not in found]
    if open_ones:
        found |= _by_order(open_ones, series)
    return found


def _by_order(
    open_ones: Sequence[CtSeries], series: Sequence[CtSeries]
) -> dict[str, ContrastPhase]:
    """Where nobody states when the injection began."""
    with_agent = [one for one in series if one.has_agent]
    if not with_agent:
        # Many a site states no agent. Words that name a phase speak against an examination without.
        if not any(one.words not in ("", "NATIVE") for one in series):
            return {one.key: "NATIVE" for one in open_ones}
        return {one.key: one.words for one in open_ones}
    found: dict[str, ContrastPhase] = {}
    first = min((one.acquired for one in with_agent if one.acquired), default=None)
    after: list[CtSeries] = []
    for one in open_ones:
        if one.has_agent:
            after.append(one)
        elif one.acquired is not None and first is not None and _seconds(one.acquired, first) >= 0:
            # Its header is silent, and the agent was there.
            after.append(one)
        else:
            found[one.key] = "NATIVE"
    return found | _after_injection(after)


def _after_injection(series: Sequence[CtSeries]) -> dict[str, ContrastPhase]:
    times = sorted({one.acquired for one in series if one.acquired is not None})
    if len(times) < len({one.acquired for one in series}):
        # Of one of them nobody states when it was acquired.
        return {one.key: _unless_native(one.words) for one in series}
    starts = [times[0]]
    for one in times[1:]:
        if _seconds(one, starts[-1]) > _SAME_ACQUISITION_S:
            starts.append(one)
    words = {
        one.words
        for one in series
        if one.acquired is not None
        and abs(_seconds(one.acquired, starts[0])) <= _SAME_ACQUISITION_S
        and _unless_native(one.words)
    }
    first_words = next(iter(words)) if len(words) == 1 else ""
    delay_s = _delay_of_first(starts, first_words)
    if delay_s is None:
        return {one.key: _unless_native(one.words) for one in series}
    return {
        one.key: _at(delay_s + _seconds(one.acquired, starts[0]))
        for one in series
        if one.acquired is not None
    }


def _delay_of_first(starts: Sequence[datetime], words: ContrastPhase) -> float | None:
    """How long after the injection the first of them began, in seconds; None where nothing tells
    it."""
    if len(starts) == 1:
        by_words = {
            "ARTERIAL": _ARTERIAL_DELAY_S,
            "PORTAL_VENOUS": _PORTAL_DELAY_S,
            "DELAYED": 2 * _DELAYED_S,
        }
        return by_words.get(words)
    least, most = _ARTERIAL_GAP_S
    gaps = [_seconds(one, starts[0]) for one in starts[1:]]
    if any(least <= gap <= most for gap in gaps):
        return _ARTERIAL_DELAY_S
    # Nothing comes within the minute: a portal venous phase with a delayed one, unless it is called
    # arterial, as before and after the filling of a stent graft.
    return _ARTERIAL_DELAY_S if words == "ARTERIAL" else _PORTAL_DELAY_S


def _at(seconds: float) -> ContrastPhase:
    """So long after the injection began."""
    if seconds < _ARRIVES_S:
        return "NATIVE"
    if seconds < _PORTAL_S:
        return "ARTERIAL"
    return "PORTAL_VENOUS" if seconds < _DELAYED_S else "DELAYED"


def _injection_of(series: Sequence[CtSeries]) -> datetime | None:
    """When the agent was given, by the series that state it; None where they contradict each
    other, or it was long before all of them."""
    stated = sorted({one.injected for one in series if one.injected is not None})
    if not stated or (stated[-1] - stated[0]).total_seconds() > _SAME_ACQUISITION_S:
        return None
    after = [
        seconds
        for one in series
        if one.acquired is not None and (seconds := _seconds(one.acquired, stated[0])) >= 0
    ]
    return stated[0] if after and min(after) <= _INJECTION_AT_MOST_S else None


def _unless_native(words: ContrastPhase) -> ContrastPhase:
    """An agent was given, whatever somebody called the series."""
    return "" if words == "NATIVE" else words


def _seconds(one: datetime, since: datetime) -> float:
    """Times of day alone may lie on both sides of midnight."""
    difference = one - since
    if difference < timedelta(hours=-12):
        difference += timedelta(days=1)
    elif timedelta(hours=12) < difference <= timedelta(days=1):
        difference -= timedelta(days=1)
    return difference.total_seconds()


def _stated_phase(header: Dataset) -> ContrastPhase:
    """Of enhanced images (Contrast/Bolus Usage Sequence); empty where their frames differ."""
    usages = [
        *(header.get("ContrastBolusUsageSequence") or ()),
        *items_of_frames(header, "ContrastBolusUsageSequence"),
    ]
    found = set(map(_phase_of_usage, usages))
    return found.pop() if len(found) == 1 else ""


def _phase_of_usage(usage: Dataset) -> ContrastPhase:
    word = str(usage.get("ContrastBolusAgentPhase") or "").strip().upper().replace(" ", "_")
    administered = str(usage.get("ContrastBolusAgentAdministered") or "").strip().upper()
    return _STATED.get(word) or ("NATIVE" if administered == "NO" else "")


def _acquired(header: Dataset) -> datetime | None:
    contents = _items(header, "FrameContentSequence")
    for holder in (header, *contents):
        for keyword in ("AcquisitionDateTime", "FrameAcquisitionDateTime"):
            if (found := _moment(str(holder.get(keyword) or ""))) is not None:
                return found
    day = str(header.get("AcquisitionDate") or header.get("SeriesDate") or "").strip()
    for keyword in ("AcquisitionTime", "SeriesTime"):
        time = str(header.get(keyword) or "").strip()
        if time:
            return _moment(f"{day or _NO_DAY}{time}")
    return None


def _injected(header: Dataset) -> datetime | None:
    acquired = _acquired(header)
    for holder in (header, *_items(header, "ContrastBolusAgentSequence")):
        time = str(holder.get("ContrastBolusStartTime") or "").strip()
        if not time:
            continue
        day = _NO_DAY if acquired is None else f"{acquired:%Y%m%d}"
        found = _moment(f"{day}{time}")
        if found is not None and acquired is not None:
            # The time alone: of the day before, where it lies far after the images.
            return acquired - timedelta(seconds=_seconds(acquired, found))
        return found
    return None


_NO_DAY = "19000101"


def _moment(text: str) -> datetime | None:
    """DT without its zone, or a date with a time (PS3.5 6.2)."""
    found = re.fullmatch(r"(\d{8})(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?(?:[+-]\d{4})?", text.strip())
    if found is None:
        return None
    day, hours, minutes, seconds, fraction = found.groups()
    try:
        whole = datetime.strptime(
            f"{day}{hours}{minutes or '00'}{min(int(seconds or 0), 59):02}", "%Y%m%d%H%M%S"
        )
    except ValueError:
        return None
    return whole + timedelta(seconds=float(fraction or 0))


def _at_one_place(headers: Sequence[Dataset]) -> bool:
    """Whether several images lie in one plane, as those do that watch the bolus arrive."""
    places = []
    for one in (headers[0], headers[-1]):
        try:
            x, y, z = (float(number) for number in one.get("ImagePositionPatient"))
        except (TypeError, ValueError):
            return False
        places.append((x, y, z))
    distance = sum((a - b) ** 2 for a, b in zip(*places, strict=True)) ** 0.5
    return len(headers) > 1 and distance < _LEAST_STEP_MM


def _by_words(header: Dataset) -> ContrastPhase:
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = str(header.get(keyword) or "").lower()
        for pattern, phase in _WORDS:
            if pattern.search(text):
                return phase
    return ""


def _items(header: Dataset, keyword: str) -> list[Dataset]:
    """Of the header, or of its functional groups."""
    found = list(header.get(keyword) or ())
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (header.get(groups) or ())[:1]:
            found.extend(group.get(keyword) or ())
    return found
