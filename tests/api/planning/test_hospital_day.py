"""The day that `benchmarks/day.py` replays, by what has to hold of it."""

import random
from collections import Counter

import pytest

from api.planning.load import MODALITIES, USUAL_MIX, Load, parse_shares
from benchmarks.support.hospital_day import BY_HOUR, PEAK_HOUR, Arrival, arrivals
from benchmarks.support.small_studies import study

LOAD = Load(
    studies_per_day=1000,
    mix=parse_shares(USUAL_MIX, tuple(MODALITIES), "modality"),
    pipelines={"brain-volume": 8.0, "lung-density": 15.0},
    peak_hour_percent=12,
    read_percent=0,
    sent_percent=0,
)


def day(seed: int, *, from_hour: float = 0, hours: float = 24, speed: float = 10) -> list[Arrival]:
    return arrivals(LOAD, from_hour=from_hour, hours=hours, speed=speed, rng=random.Random(seed))


def test_its_hours_have_all_studies_and_the_busiest_what_a_plan_assumes() -> None:
    assert sum(BY_HOUR) == pytest.approx(100)
    assert BY_HOUR[PEAK_HOUR] == max(BY_HOUR) == LOAD.peak_hour_percent


def test_a_day_has_the_studies_the_mix_and_the_pipelines_that_were_asked_for() -> None:
    found = [one for seed in range(20) for one in day(seed)]
    assert len(found) == pytest.approx(20_000, rel=0.03)
    shares = Counter(one.modality for one in found)
    for modality, percent in LOAD.mix.items():
        assert shares[modality] == pytest.approx(200 * percent, rel=0.25), modality
    wanted = Counter(one.modality for one in found if one.is_for_pipeline)
    assert wanted == {"MR": pytest.approx(1600, rel=0.1), "CT": pytest.approx(3000, rel=0.1)}
    assert {sum(one.series) for one in found if one.modality == "CT"} == {600}


def test_at_ten_times_its_speed_the_busiest_hour_takes_six_minutes() -> None:
    found = [one for seed in range(20) for one in day(seed, from_hour=PEAK_HOUR, hours=1)]
    assert len(found) == pytest.approx(20 * 120, rel=0.08)
    assert max(one.after_s for one in found) <= 360
    assert day(3) == day(3)


def test_studies_are_told_apart_and_only_the_first_series_is_for_the_pipeline() -> None:
    arrival = Arrival(0.0, "CT", [3, 2], is_stat=True, is_for_pipeline=True)
    first, second = list(study(arrival, 1)), list(study(arrival, 2))
    assert len({uid for _, uid, _ in first + second}) == 10
    assert [b"CHEST" in data for _, _, data in first] == [True] * 3 + [False] * 2
    assert all(b"EMERGENCY" in data for _, _, data in first)
    assert b"DAY-0000000000000002" in second[0][2]
    assert all(uid.encode() in data and series.encode() in data for series, uid, data in first)
