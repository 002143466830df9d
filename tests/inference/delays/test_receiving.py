"""Why a study has not begun to be analysed: it arrives, waits, or no pipeline takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from pydicom.dataset import Dataset

from inference.delays.entities import Delay
from inference.pipeline import Acceptance, NamedInput, Readiness
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.entities import Instance, Series
from storage.core.sources import of_import
from tests.inference.delays.delayed import BRIGHT, Case, asked, assert_named
from tests.inference.orchestration import complete_series, later, receive
from tests.inference.small import BrightRegion, mr_series, series_uid


@dataclass(frozen=True)
class WithoutWeights(BrightRegion):
    name: str = "without-weights"

    def readiness(self) -> Readiness:
        return Readiness(False, "The weights are not installed. Install the model pack.")


@dataclass(frozen=True)
class ForFilms(BrightRegion):
    name: str = "for-films"

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return Acceptance(False, f"Modality is {series.modality}, not CR.")


@dataclass(frozen=True)
class WithoutGaps(BrightRegion):
    name: str = "without-gaps"

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return Acceptance(False, "Slices 3 and 4 are 5.0 mm apart; the rest are 2.5 mm.")


@dataclass(frozen=True)
class Fusion(BrightRegion):
    """Takes an MR and a PET series together."""

    name: str = "fusion"
    inputs: tuple[NamedInput, ...] = (NamedInput("mr", "MR"), NamedInput("pet", "PET"))
    reference: str = "mr"

    def accepts_input(
        self, name: str, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        fits = name == "mr" and series.modality == "MR"
        return Acceptance(fits, f"Modality is {series.modality}.")


def ruled(node: Storage, name: str, text: str) -> Storage:
    """The node with another file of rules."""
    path = node.settings.data_dir / f"{name}.yaml"
    path.write_text(text)
    return replace(node, settings=node.settings.model_copy(update={"rules_file": path}))


def disk_is_full(node: Storage) -> Delay:
    receive(node, mr_series("full"))
    full = node.settings.model_copy(update={"free_disk_mark_bytes": 1 << 60})
    return asked(replace(node, settings=full), "full")


def nobody_looks_for_work(node: Storage) -> Delay:
    receive(node, mr_series("unwatched"))
    return asked(node, "unwatched", after_s=3600)


def the_sender_stops_in_the_middle(node: Storage) -> Delay:
    receive(node, mr_series("half", 6))
    uid = series_uid("half")
    node.expectations.expect("CT1", uid, (), instance_count=200, is_final=True)
    return asked(node, "half")


def it_still_arrives(node: Storage) -> Delay:
    receive(node, mr_series("arriving"))
    return asked(node, "arriving", after_s=1)


def the_rules_are_wrong(node: Storage) -> Delay:
    complete_series(node, "misruled")
    return asked(ruled(node, "wrong", "rules:\n  - name: a\n    pipeline: [x\n"), "misruled")


def the_decision_is_due(node: Storage) -> Delay:
    complete_series(node, "undecided")
    return asked(node, "undecided")


def no_pipeline_takes_it(node: Storage) -> Delay:
    receive(node, mr_series("unfit"))
    complete_and_schedule(node, later(10), (ForFilms(),))
    return asked(node, "unfit", (ForFilms(),))


def the_nearest_pipeline_found_a_gap(node: Storage) -> Delay:
    """Others say no more than that they take other images."""
    pipelines = (ForFilms(), WithoutGaps(), ForFilms("also-for-films"))
    receive(node, mr_series("gap"))
    complete_and_schedule(node, later(10), pipelines)
    return asked(node, "gap", pipelines)


def the_model_is_not_installed(node: Storage) -> Delay:
    pipelines = (ForFilms(), WithoutWeights())
    receive(node, mr_series("weightless"))
    complete_and_schedule(node, later(10), pipelines)
    return asked(node, "weightless", pipelines)


def a_rule_wants_more_slices(node: Storage) -> Delay:
    text = "rules: [{name: long, pipeline: bright-region, when: {instances: {at_least: 99}}}]"
    node = ruled(node, "long", text)
    receive(node, mr_series("short"))
    complete_and_schedule(node, later(10), (BRIGHT,))
    return asked(node, "short")


def the_second_series_never_came(node: Storage) -> Delay:
    receive(node, mr_series("alone"))
    complete_and_schedule(node, later(10), (Fusion(),))
    return asked(node, "alone", (Fusion(),))


def it_was_imported(node: Storage) -> Delay:
    for part10 in mr_series("imported"):
        node.ingest.accept(part10, of_import("archive", run_pipelines=False))
    complete_and_schedule(node, later(10), (BRIGHT,))
    return asked(node, "imported")


DELAYS: tuple[Case, ...] = (
    (disk_is_full, "disk_full", "nothing more is taken in below"),
    (nobody_looks_for_work, "control_worker_away", "mediview worker --queue control"),
    (the_sender_stops_in_the_middle, "instances_missing", "194 instances that the sender"),
    (it_still_arrives, "receiving", "series 3 (MR, 8 instances) is complete once nothing has come"),
    (the_rules_are_wrong, "rules_unreadable", "while the site's rules are wrong"),
    (the_decision_is_due, "undecided", "1 complete series have waited"),
    (no_pipeline_takes_it, "no_pipeline_fits", "for-films did not run: Modality is MR, not CR"),
    (the_nearest_pipeline_found_a_gap, "no_pipeline_fits", "without-gaps did not run: Slices 3"),
    (the_model_is_not_installed, "model_not_ready", "without-weights did not run: The weights"),
    (a_rule_wants_more_slices, "excluded_by_rules", "instances ≥ 99 (found 8)"),
    (the_second_series_never_came, "input_missing", "PET"),
    (it_was_imported, "imported", "The series was imported"),
)


@pytest.mark.parametrize("case", DELAYS, ids=[one[0].__name__ for one in DELAYS])
def test_a_delay_is_named_in_one_sentence(node: Storage, case: Case) -> None:
    assert_named(node, case)
