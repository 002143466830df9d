"""The arithmetic of `mediview plan`, by what has to hold for any load."""

import dataclasses
import json
import math
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli.main import command_line
from api.planning.costs import measured_costs
from api.planning.load import MODALITIES, USUAL_MIX, Load, parse_shares
from api.planning.sizing import Plan, Site, plan
from storage.core.errors import InvalidRequest

COSTS = measured_costs()
_WHOLE = {"hosts", "pipeline_processes"}


def usual(studies: int = 3000, **changes: Any) -> Load:
    values: dict[str, Any] = {
        "studies_per_day": studies,
        "mix": parse_shares(USUAL_MIX, tuple(MODALITIES), "modality"),
        "pipelines": {"lung-density": 10.0},
        "peak_hour_percent": 12.0,
        "read_percent": 100.0,
        "sent_percent": 10.0,
    }
    return Load(**{**values, **changes})


@st.composite
def mixes(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(
        st.dictionaries(st.sampled_from(sorted(MODALITIES)), st.integers(1, 100), min_size=1)
    )
    total = sum(weights.values())
    return {name: 100 * weight / total for name, weight in weights.items()}


@st.composite
def loads(draw: st.DrawFn) -> Load:
    return usual(
        draw(st.integers(1, 100_000)),
        mix=draw(mixes()),
        pipelines=draw(
            st.dictionaries(st.sampled_from(COSTS.pipelines), st.floats(0, 100), max_size=3)
        ),
        peak_hour_percent=draw(st.floats(5, 100)),
        read_percent=draw(st.floats(0, 100)),
        sent_percent=draw(st.floats(0, 100)),
    )


def figures(found: Plan) -> dict[str, float]:
    return found.payload()


def at_least(more: Plan, less: Plan, *, but: tuple[str, ...] = ()) -> None:
    for name, value in figures(less).items():
        if name not in but:
            assert figures(more)[name] >= value * (1 - 1e-9), name


@given(loads(), st.integers(1, 9))
def test_more_studies_never_need_less(load: Load, times: int) -> None:
    more = dataclasses.replace(load, studies_per_day=load.studies_per_day * times)
    # More hosts may each have less.
    at_least(
        plan(more, Site(), COSTS), plan(load, Site(), COSTS), but=("local_disk_bytes_per_host",)
    )


@given(loads())
def test_twice_the_studies_are_twice_the_work(load: Load) -> None:
    one = plan(load, Site(), COSTS)
    two = plan(dataclasses.replace(load, studies_per_day=2 * load.studies_per_day), Site(), COSTS)
    for name, value in figures(one).items():
        if name not in {*_WHOLE, "memory_bytes", "local_disk_bytes_per_host"}:
            assert math.isclose(figures(two)[name], 2 * value, rel_tol=1e-9, abs_tol=1e-300), name


@given(loads())
def test_bits_seconds_and_bytes_fit_together(load: Load) -> None:
    found = plan(load, Site(cached_days=0, outage_hours=1, years=1), COSTS)
    in_busiest_hour = load.bytes_per_day * load.peak_hour_percent / 100
    assert math.isclose(found.incoming_bits_per_s * 3600 / 8, in_busiest_hour, rel_tol=1e-9)
    working = found.hosts - Site().spare_hosts
    assert math.isclose(found.local_disk_bytes_per_host * working, in_busiest_hour, rel_tol=1e-9)
    assert math.isclose(found.bucket_bytes, 365 * found.bytes_per_day, rel_tol=1e-9)
    in_use = (
        found.receiving_cores
        + found.copying_cores
        + found.deciding_cores
        + found.serving_cores
        + found.sending_cores
        + found.pipeline_cores
    )
    assert math.isclose(found.cores * 0.6, in_use, rel_tol=1e-9)
    assert working * Site().cores_per_host >= found.cores
    # One fewer would not do, for its cores or for its memory.
    room = Site().memory_per_host_gib * 2**30 - COSTS.host_memory_bytes
    largest = max(
        (COSTS.pipeline(name).peak_memory_bytes for name, share in load.pipelines.items() if share),
        default=0,
    )
    assert (
        working == 1
        or (working - 1) * Site().cores_per_host < found.cores
        or (working - 1) * room < found.pipeline_processes * largest
    )


@given(loads(), st.sampled_from(("peak_hour_percent", "read_percent", "sent_percent")))
def test_a_larger_share_never_needs_less(load: Load, share: str) -> None:
    all_of_them: dict[str, Any] = {share: 100.0}
    most = dataclasses.replace(load, **all_of_them)
    at_least(
        plan(most, Site(), COSTS), plan(load, Site(), COSTS), but=("local_disk_bytes_per_host",)
    )


@given(loads(), st.integers(0, 9))
def test_spare_hosts_come_on_top_and_nothing_else_changes(load: Load, spare: int) -> None:
    without = plan(load, Site(spare_hosts=0), COSTS)
    found = plan(load, Site(spare_hosts=spare), COSTS)
    assert found.hosts == without.hosts + spare
    assert dataclasses.replace(found, hosts=without.hosts) == without


@given(mixes())
def test_the_order_of_the_mix_does_not_matter(mix: dict[str, float]) -> None:
    turned = dict(reversed(mix.items()))
    one, other = (figures(plan(usual(mix=each), Site(), COSTS)) for each in (mix, turned))
    for name, value in one.items():
        assert math.isclose(value, other[name], rel_tol=1e-9), name


def test_without_pipelines_nobody_computes() -> None:
    found = plan(usual(pipelines={}), Site(), COSTS)
    assert (found.pipeline_cores, found.pipeline_processes) == (0, 0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("CT=50,QQ=50", "'QQ' is no modality that can be planned with."),
        ("CT=50,CT=50", "CT is named twice."),
        ("CT", "'CT' is no share of a modality."),
        ("CT=many", "'CT=many' is no share of a modality."),
        ("CT=-5", "'CT=-5' is no share of a modality."),
        ("CT=nan", "'CT=nan' is no share of a modality."),
        ("CT=50,MR=20", "The shares of the mix are 70 percent together."),
    ],
)
def test_a_wrong_mix_is_named(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence.replace(".", r"\.")):
        usual(mix=parse_shares(text, tuple(MODALITIES), "modality"))


@pytest.mark.parametrize(
    "change",
    [
        {"studies_per_day": 0},
        {"studies_per_day": 10**9},
        {"peak_hour_percent": 1.0},
        {"read_percent": 101.0},
        {"sent_percent": float("nan")},
    ],
)
def test_a_load_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        dataclasses.replace(usual(), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"cores_per_host": 0},
        {"memory_per_host_gib": 1},
        {"spare_hosts": -1},
        {"utilisation_percent": 100.0},
        {"years": float("nan")},
    ],
)
def test_a_site_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="cannot be planned with"):
        Site(**change)


def test_every_cost_says_how_it_was_measured_and_its_commit_is_one_of_this_repository() -> None:
    known = subprocess.run(
        ["git", "cat-file", "--batch-check"],
        input="\n".join(one.commit for one in COSTS.measured.values()),
        capture_output=True,
        text=True,
        check=False,
    )
    for one in COSTS.measured.values():
        assert all((one.command, one.machine, one.unit, one.what))
    if known.returncode == 0:  # A release has no history beside it.
        assert "missing" not in known.stdout


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command_line(["plan"]), ["plan", *arguments])


def test_the_command_says_what_it_needs_what_it_assumes_and_what_was_measured() -> None:
    answer = run("--studies-per-day", "3000", "--pipelines", "lung-density=10")
    assert answer.exit_code == 0, answer.output
    for part in (
        "Hosts: ",
        "Assumed:",
        "CT, 25%: 600 instances",
        "Measured:",
        "benchmarks.receive",
    ):
        assert part in answer.output
    found = json.loads(run("--studies-per-day", "3000", "--json").output)
    assert found["hosts"] >= 2
    assert found["bytes_per_day"] > 1e11


def test_the_command_names_what_is_wrong() -> None:
    answer = run("--studies-per-day", "3000", "--pipelines", "heart=10")
    assert answer.exit_code != 0
    assert "no pipeline that can be planned with" in str(answer.exception or answer.output)
