"""What else the client asks for: sign-in, lists, events, webhooks, worklists, and async."""

import json
import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest

from mediview_client import (
    ApiError,
    AsyncMediView,
    ClaimUnanswered,
    InvalidSignature,
    MediView,
    WaitTimeout,
    verify_notice,
)
from tests.api.ups.worklist_client import new_item, performed
from tests.api.webhooks.receiver import receiver
from tests.clients.python.node import ClosedNode
from tests.inference.small import mr_series

PACKAGE = Path(__file__).parents[3] / "clients" / "python"


def test_a_wrong_key_is_refused_in_words(closed: ClosedNode) -> None:
    with MediView(closed.url, "mvk_0123456789ab_wrong") as node, pytest.raises(ApiError) as refused:
        node.models.all()
    assert (refused.value.status, refused.value.detail != "") == (401, True)
    assert "mvk_" not in str(refused.value)


def test_a_list_is_followed_to_its_last_page(node: MediView, study_instance_uid: str) -> None:
    for number in range(3):
        step = {
            "modality": "MR",
            "scheduled_station_ae_title": "MR1",
            "scheduled_procedure_step_start_date": "2026-11-30",
            "scheduled_procedure_step_start_time": f"08:3{number}:00",
        }
        item = {
            "patient_name": f"Müller^{number}",
            "patient_id": f"W-{number}",
            "accession_number": f"PAGES-{number}",
            "scheduled_procedure_step_sequence": [step],
        }
        node.worklist.add(item)
    found = [
        one["patient_name"]
        for one in node.worklist.search(limit=1)
        if one["accession_number"].startswith("PAGES-")
    ]
    assert found == ["Müller^0", "Müller^1", "Müller^2"]
    (job,) = node.jobs.search(study_instance_uid=study_instance_uid)
    assert node.jobs.get(job["job_id"])["state"] == "completed"
    assert list(node.jobs.search(pipeline="none-such")) == []


def test_feedback_stands_beside_a_finding(node: MediView, study_instance_uid: str) -> None:
    (finding,) = node.findings.of_study(study_instance_uid)
    node.findings.give_feedback(finding["finding_id"], "CORRECTED", value=7.5, reason="Too small.")
    (given,) = node.findings.get(finding["finding_id"])["feedback"]
    assert (given["kind"], given["value"], given["reason"]) == ("CORRECTED", 7.5, "Too small.")


def test_waiting_ends(node: MediView, closed: ClosedNode, study_instance_uid: str) -> None:
    with pytest.raises(ApiError) as unknown:
        node.studies.wait("1.2.3")
    assert unknown.value.status == 404
    job = next(iter(node.jobs.search(study_instance_uid=study_instance_uid)))
    assert node.jobs.wait(job["job_id"], timeout_s=0)["state"] == "completed"
    empty = closed.storage.ingest.accept(mr_series("receiving", 1)[0], "dimse:MR1")
    with pytest.raises(WaitTimeout, match=r"within 0\.1 s"):
        node.studies.wait(empty.study_instance_uid, timeout_s=0.1, poll_s=0.05)


def test_events_go_on_after_the_last_one_seen(node: MediView, study_instance_uid: str) -> None:
    seen, completed = [], False
    for event in node.events.follow(after=0):
        seen.append(event)
        completed = completed or (event.type == "job" and event.data["state"] == "completed")
        # The upload may be done later than the job that its first series brought.
        if completed and {"upload", "study"} <= {event.type for event in seen}:
            break
    following = next(iter(node.events.follow(after=seen[1].event_id)))
    assert following == seen[2]
    jobs = node.events.follow(after=0, study_instance_uid=study_instance_uid, types=["job"])
    first = next(iter(jobs))
    assert (first.type, first.data["study_instance_uid"]) == ("job", study_instance_uid)


def test_notices_of_the_node_are_verified_and_others_refused(node: MediView) -> None:
    with receiver() as stated:
        hook = node.webhooks.add(stated.url, ["job.*"], description="of a test")
        assert node.webhooks.ping(hook["webhook_id"])["ok"]
        node.webhooks.remove(hook["webhook_id"])
    headers, body = stated.received[0]
    notice = verify_notice(hook["secret"], headers, body)
    assert notice["type"] == "ping"
    sent_at = float(headers["webhook-timestamp"])
    with pytest.raises(InvalidSignature, match="not that of this notice"):
        verify_notice(hook["secret"], headers, body.replace(b"ping", b"pong"))
    with pytest.raises(InvalidSignature, match="not from within 300 s"):
        verify_notice(hook["secret"], headers, body, now_s=sent_at + 301)
    with pytest.raises(InvalidSignature, match="no signature"):
        verify_notice(hook["secret"], {}, body)
    with pytest.raises(InvalidSignature):
        verify_notice("whsec_?", headers, body)


def test_a_workitem_is_claimed_and_completed(node: MediView) -> None:
    uid = node.workitems.create(new_item())
    transaction_uid = node.workitems.claim(uid)
    with pytest.raises(ApiError) as claimed:
        node.workitems.claim(uid)
    assert claimed.value.status == 409
    node.workitems.update(uid, performed(), transaction_uid)
    node.workitems.complete(uid, transaction_uid)
    assert node.workitems.get(uid)["00741000"]["Value"] == ["COMPLETED"]


def test_a_workitem_whose_claim_lost_its_answer_can_be_completed(
    closed: ClosedNode, node: MediView
) -> None:
    class Shaky(httpx.HTTPTransport):
        loses = True

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if self.loses:
                self.loses = False
                response.close()
                raise httpx.ReadError("the answer was lost")
            return response

    uid = node.workitems.create(new_item())
    with MediView(closed.url, closed.key, transport=Shaky()) as shaky:
        mine = shaky.workitems.claim(uid)
        shaky.workitems.update(uid, performed(), mine)
        shaky.workitems.complete(uid, mine)
    assert node.workitems.get(uid)["00741000"]["Value"] == ["COMPLETED"]


def test_a_claim_that_is_never_answered_leaves_its_transaction_uid(
    closed: ClosedNode, node: MediView
) -> None:
    class Silent(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            super().handle_request(request).close()
            raise httpx.ReadError("the answer was lost")

    uid = node.workitems.create(new_item())
    with (
        MediView(closed.url, closed.key, transport=Silent(), attempts=1) as silent,
        pytest.raises(ClaimUnanswered) as unanswered,
    ):
        silent.workitems.claim(uid)
    mine = unanswered.value.transaction_uid
    assert node.workitems.claim(uid, mine) == mine
    node.workitems.update(uid, performed(), mine)
    node.workitems.complete(uid, mine)
    assert node.workitems.get(uid)["00741000"]["Value"] == ["COMPLETED"]


def test_the_whole_way_without_blocking(closed: ClosedNode, tmp_path: Path) -> None:
    for number, instance in enumerate(mr_series("async")):
        (tmp_path / f"{number}.dcm").write_bytes(instance)

    async def story() -> tuple[float | None, tuple[int, ...], str]:
        async with AsyncMediView(closed.url, closed.key) as node:
            started = await node.uploads.analyze(sorted(tmp_path.glob("*.dcm")))
            (job,) = started["jobs"]
            job = await node.jobs.wait(job["job_id"], poll_s=0.1)
            (mask,) = await node.images.segmentations(job["study_instance_uid"])
            async for event in node.events.follow(after=0):
                if event.data.get("job_id") == job["job_id"]:
                    break
            return job["findings"][0]["value"], mask.labels.shape, event.type

    value, shape, event_type = anyio.run(story)
    # 96 bright voxels of 2 mm³ in each of eight slices.
    assert value == pytest.approx(1.536)
    assert shape == (8, 24, 32)
    assert event_type == "job"


def test_what_is_generated_is_as_the_node_describes_it(tmp_path: Path) -> None:
    """After a change of the API or of `_async/`: make client."""
    from api.app import create_app
    from storage.settings import load_settings

    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(create_app(load_settings(data_dir=tmp_path)).openapi()))
    script = PACKAGE / "scripts" / "generate.py"
    checked = subprocess.run(
        [sys.executable, script, "--check", "--description", description],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, f"Run make client:\n{checked.stdout}{checked.stderr}"


def test_it_needs_nothing_of_the_node_and_no_arrays() -> None:
    heavy = {"numpy", "pydicom", "highdicom", "torch", "api", "storage", "inference", "pydantic"}
    code = (
        f"import mediview_client, sys; print({heavy!r} & {{m.split('.')[0] for m in sys.modules}})"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(PACKAGE / "src")},
    )
    assert shown.stdout.strip() == "set()"
