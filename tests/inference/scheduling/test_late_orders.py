"""An order that comes after the images has what asks for orders asked once more."""

from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import catalogue
from inference.scheduling.late_orders import look_at_late_orders
from inference.scheduling.schedule import complete_and_schedule, schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision
from storage.peers.entities import KnownPeer
from storage.worklist.entities import WorklistItem
from tests.inference.deliveries.destinations.nodes import node, with_results
from tests.inference.orchestration import complete_series, receive
from tests.inference.plain_models import plain_card, torchscript_model
from tests.inference.routing.test_routing import ARCHIVE, round_of, rules, wanted
from tests.inference.small import BrightRegion, mr_series, study_uid

CHEST = [{"CodeValue": "24627-2", "CodingSchemeDesignator": "LN"}]
ORDERED = "order.RequestedProcedureCodeSequence.CodeValue: 24627-2"
ONLY_ORDERED = f"""
rules:
  - name: ordered
    pipeline: bright-region
    when: {{{ORDERED}}}
"""
BY_ORDER = f"""
routing:
  - name: ordered
    when: {{{ORDERED}}}
    to: archive
    send: SEND
    what: WHAT
"""


def order(storage: Storage, **more: Any) -> WorklistItem:
    return storage.worklist.add(attributes(**more))


def attributes(**more: Any) -> dict[str, Any]:
    return {
        "StudyInstanceUID": study_uid("a"),
        "PatientID": "Q-4711",
        "RequestedProcedureCodeSequence": CHEST,
        "ScheduledProcedureStepSequence": [{"Modality": "MR"}],
        **more,
    }


def look(storage: Storage) -> int:
    return look_at_late_orders(storage, utcnow(), (BrightRegion(),))


def decisions(storage: Storage) -> list[Decision]:
    return storage.acceptance_decisions.of_study(study_uid("a"))


@pytest.mark.parametrize("by", ["study", "accession number"])
def test_a_pipeline_that_waited_for_an_order_runs_once(tmp_path: Path, by: str) -> None:
    with node(tmp_path) as storage:
        rules(storage, ONLY_ORDERED)
        (before,) = schedule_series(storage, complete_series(storage, "a"), (BrightRegion(),))
        assert not before.accepted
        assert look(storage) == 0
        of_number = {"StudyInstanceUID": "2.25.7", "AccessionNumber": "A1"}
        item = order(storage, **({} if by == "study" else of_number))
        assert look(storage) == 1
        (decided,) = decisions(storage)
        assert decided.accepted, decided.reason
        assert run_job(storage, decided.job_id or "", "worker", pipelines=(BrightRegion(),))
        assert look(storage) == 0
        storage.worklist.change(
            item.worklist_item_id,
            attributes={**item.attributes, "RequestedProcedurePriority": "STAT"},
        )
        assert look(storage) == 1
        storage.worklist.change(item.worklist_item_id, state="CANCELED")
        assert look(storage) == 1
        (decided,) = decisions(storage)
        assert decided.accepted, "what ran stays run"
        assert storage.jobs.list()[1] == 1


@pytest.mark.parametrize("by", ["study", "accession number"])
@pytest.mark.parametrize("what", ["deleted", "given to another study"])
def test_rules_are_asked_again_when_an_order_is_gone(tmp_path: Path, by: str, what: str) -> None:
    with node(tmp_path) as storage:
        rules(storage, ONLY_ORDERED)
        of_number = {"StudyInstanceUID": "2.25.7", "AccessionNumber": "A1"}
        item = order(storage, **({} if by == "study" else of_number))
        (before,) = schedule_series(storage, complete_series(storage, "a"), (BrightRegion(),))
        assert before.accepted
        assert storage.jobs.cancel(before.job_id or "", "by hand", utcnow())
        look(storage)
        if what == "deleted":
            storage.worklist.remove(item.worklist_item_id)
        else:
            other = {"StudyInstanceUID": "2.25.8", "AccessionNumber": "A2"}
            storage.worklist.change(item.worklist_item_id, attributes={**item.attributes, **other})
        assert look(storage) == 1
        assert look(storage) == 0


def test_an_order_that_says_nothing_else_asks_nobody(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        rules(storage, ONLY_ORDERED)
        complete_series(storage, "a")
        item = order(storage)
        assert look(storage) == 1
        storage.worklist.change(item.worklist_item_id, attributes=item.attributes)
        storage.worklist.change(item.worklist_item_id, state="IN PROGRESS")
        order(storage, StudyInstanceUID=study_uid("b"))
        assert look(storage) == 0


def test_what_has_not_been_decided_on_waits_for_its_turn_and_knows_the_order(
    tmp_path: Path,
) -> None:
    with node(tmp_path) as storage:
        rules(storage, ONLY_ORDERED)
        receive(storage, mr_series("a"))
        order(storage)
        assert look(storage) == 1
        assert decisions(storage) == []
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), (BrightRegion(),))
        (decided,) = decisions(storage)
        assert decided.accepted


def test_a_model_whose_card_asks_for_an_order_and_a_sender(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        folder = torchscript_model(tmp_path / "plain")
        write_card(
            folder,
            {
                "all": [
                    {"order.RequestedProcedureCodeSequence.CodeValue": "24627-2"},
                    {"SendingApplicationEntityTitle": "TEST"},
                    {"received": {"hours": "00:00-23:59"}},
                    {"Modality": "MR"},
                ]
            },
        )
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        model = next(one for one in catalogue(storage.settings) if one.name == "model-plain-spleen")
        (before,) = schedule_series(storage, complete_series(storage, "a", 40), (model,))
        assert not before.accepted
        assert (
            "order.RequestedProcedureCodeSequence.CodeValue 24627-2 (found nothing)"
            in before.reason
        )
        order(storage)
        assert look_at_late_orders(storage, utcnow(), (model,)) == 1
        (decided,) = decisions(storage)
        assert decided.accepted, decided.reason
        done = run_job(storage, decided.job_id or "", "worker", pipelines=(model,))
        assert done is not None
        assert done.status == "COMPLETED", done.reason


def write_card(folder: Path, accepts: dict[str, Any]) -> None:
    import json

    (folder / "mediview.json").write_text(json.dumps({**plain_card(), "accepts": accepts}))


@pytest.mark.parametrize("send", ["series", "study", "instance"])
def test_images_go_on_once_their_order_is_there(tmp_path: Path, send: str) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        text = BY_ORDER.replace("SEND", send).replace("WHAT", "received")
        rules(storage, text)
        complete_series(storage, "a", 5)
        assert round_of(storage) == 0
        rules(storage, f"{text}  - {{name: since then, to: archive}}\n")
        item = order(storage)
        for _ in range(2):
            assert look(storage) == 1
            assert {one.rule for one in wanted(storage)} == {"ordered"}
            assert len(wanted(storage)) == 5
            storage.worklist.change(
                item.worklist_item_id, attributes=attributes(StudyID=utcnow().isoformat())
            )


def test_a_study_of_which_images_still_arrive_goes_as_a_whole_when_all_is_there(
    tmp_path: Path,
) -> None:
    with node(tmp_path, ARCHIVE, study_quiet_s=0.01) as storage:
        rules(storage, BY_ORDER.replace("SEND", "study").replace("WHAT", "received"))
        receive(storage, mr_series("a", 3))
        order(storage)
        assert look(storage) == 1
        assert wanted(storage) == []
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())
        for _ in range(2):
            round_of(storage)
            sleep(0.05)
        assert len(wanted(storage)) == 3


def test_results_go_on_once_the_order_is_there(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, BY_ORDER.replace("SEND", "series").replace("WHAT", "results"))
        made = {one.sop_instance_uid for one in with_results(storage)}
        assert wanted(storage) == []
        order(storage)
        for _ in range(2):
            look(storage)
            assert {one.sop_instance_uid for one in wanted(storage)} == made


URGENT = """
priority:
  - {name: stat, when: {order.RequestedProcedurePriority: STAT}, priority: STAT}
  - {name: research, when: {order.RequestedProcedurePriority: LOW}, priority: LOW}
routing:
  - {name: nightly, to: archive, hours: HOURS}
"""


def test_an_order_that_calls_a_study_urgent_has_its_jobs_and_images_go_first(
    tmp_path: Path,
) -> None:
    at = utcnow().astimezone()
    closed = f"{at + timedelta(hours=3):%H:%M}-{at + timedelta(hours=4):%H:%M}"
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, URGENT.replace("HOURS", f'"{closed}"'))
        (decision,) = schedule_series(storage, complete_series(storage, "a", 4), (BrightRegion(),))
        job_id = decision.job_id or ""
        assert round_of(storage) == 4
        assert all(one.waits_until for one in wanted(storage))
        item = order(storage, RequestedProcedurePriority="LOW")
        look(storage)
        assert storage.jobs.get(job_id).priority == -50
        assert all(one.waits_until for one in wanted(storage))
        change = storage.worklist.change
        change(item.worklist_item_id, attributes=attributes(RequestedProcedurePriority="STAT"))
        look(storage)
        assert storage.jobs.get(job_id).priority == 100
        assert not any(one.waits_until for one in wanted(storage))


def test_a_priority_that_a_person_gave_is_not_lowered(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, URGENT.replace("HOURS", '"00:00-23:59"'))
        (decision,) = schedule_series(storage, complete_series(storage, "a", 4), (BrightRegion(),))
        storage.jobs.set_priority(decision.job_id or "", 75, utcnow())
        order(storage, RequestedProcedurePriority="LOW")
        look(storage)
        assert storage.jobs.get(decision.job_id or "").priority == 75


def test_archives_are_asked_on_behalf_of_a_study_whose_order_came_late(tmp_path: Path) -> None:
    pacs = KnownPeer("pacs", ae_title="PACS", host="127.0.0.1", port=104, is_archive=True)
    with node(tmp_path, pacs) as storage:
        rules(storage, f"priors: [{{name: p, trigger: study, when: {{{ORDERED}}}}}]")
        complete_series(storage, "a")
        round_of(storage)
        assert storage.prior_searches.list(None, 10)[1] == 0
        order(storage)
        look(storage)
        look(storage)
        assert storage.prior_searches.list(None, 10)[1] == 1
