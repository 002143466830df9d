"""From an order over HTTP to its results, told over a WebSocket and to a webhook.

Real processes do the work: the control worker, the one that runs models, and the clock.
"""

from pathlib import Path

import pytest

from tests.api.client import api_node
from tests.api.ups.worklist_client import Worklist, code, el, new_item
from tests.api.webhooks.receiver import receiver, signed
from tests.inference.orchestration import receive, wait_for
from tests.inference.processes import workers_in
from tests.inference.small import mr_series, study_uid
from tests.services import free_port


@pytest.mark.slow
def test_an_integrator_orders_and_follows_to_the_results(tmp_path: Path) -> None:
    with (
        workers_in(tmp_path, webhook_hosts="127.0.0.1") as workers,
        receiver() as hook,
        api_node(workers.storage.settings.model_copy(update={"http_port": free_port()})) as api,
    ):
        workers.start("control", "jobs", "beat", hold=True)
        added = api.client.post(
            "/api/webhooks", json={"url": hook.url, "events": ["workitem.*", "results.stored"]}
        ).json()
        worklist = Worklist(api.client, api.url)
        order = new_item(
            study_uid("a"),
            t00404018=el("SQ", code("bright-region", "99MEDIVIEW", "Bright region")),
            t00741200=el("CS", "HIGH"),
        )
        uid = worklist.created(order)
        worklist.subscribe(uid, "RIS")
        with worklist.listening("RIS") as listener:
            assert listener.next_event() == (uid, 1, "SCHEDULED")
            receive(workers.storage, mr_series("a"))
            assert listener.next_event(30) == (uid, 1, "IN PROGRESS")
            workers.go.touch()
            states = [listener.next_event(30)]
            while states[-1][1] == 3:
                states.append(listener.next_event(30))
            assert states[-1] == (uid, 1, "COMPLETED")
        performed = worklist.get(uid)["00741216"]["Value"][0]
        outputs = {
            reference["00081155"]["Value"][0]
            for series in performed["00404033"]["Value"]
            for reference in series["00081199"]["Value"]
        }
        for sop_instance_uid in outputs:
            found = api.client.get(f"/dicom-web/instances?SOPInstanceUID={sop_instance_uid}")
            assert len(found.json()) == 1, "what is named is held"

        def is_logged() -> bool:
            return "results.stored" in hook.types and hook.types.count("workitem.changed") == 3

        wait_for(is_logged, "the notices")
        states_told = [
            one["data"]["state"] for one in hook.notices if one["type"] == "workitem.changed"
        ]
        assert states_told == ["scheduled", "in_progress", "completed"]
        (result,) = [one for one in hook.notices if one["type"] == "results.stored"]
        assert {one["sop_instance_uid"] for one in result["data"]["instances"]} == outputs
        for headers, body in hook.received:
            assert headers["webhook-signature"] == signed(added["secret"], headers, body)
