"""Chats get messages over HTTP: their addresses stay secret, and names are no markup."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import command_line
from tests.api.access.closed import audited, closed_node, closed_settings, confirm
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before
from tests.api.webhooks.receiver import Receiver, deliveries, notified

_HOSTILE = "<!channel> [click](https://evil.example) & <https://evil.example|x>"


def chat(node: ApiNode, hook: Receiver, kind: str, **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "url": hook.url, "events": ["job.failed"], "wait_s": 0, **more}
    answer = node.client.post("/api/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def announce(node: ApiNode, pipeline: str, study: str = "2.25.1") -> None:
    job = {"pipeline": pipeline, "state": "CANCELED", "status": "FAILED", "reason": "x"}
    node.storage.events.announce("job", job | {"stage": "", "progress": 0}, study)


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_a_chat_gets_text_that_is_no_markup(
    node: ApiNode, hook: Receiver, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    added = chat(node, hook, kind)
    assert added["secret"] == ""
    assert "s3cret" not in added["url"]
    announce(node, _HOSTILE)
    notified(node.storage)
    ((headers, _),) = hook.received
    assert "webhook-signature" not in headers
    link = "/study/?study=2.25.1"
    if kind == "slack":
        text = _bodies(hook)[0]["text"]
        assert "<!channel>" not in text
        assert "&lt;!channel&gt;" in text
        assert text.count("<http") == 1
        assert f"{link}|" in text
    else:
        content = _bodies(hook)[0]["attachments"][0]["content"]
        blocks = content["body"]
        assert {one["type"] for one in blocks} == {"RichTextBlock"}, "nothing is Markdown"
        actions = [run.get("selectAction") for one in blocks for run in one["inlines"]]
        (url,) = [one["url"] for one in actions if one]
        assert url.endswith(link)
    listed = node.client.get(f"/api/webhooks/{added['webhook_id']}").text
    assert "s3cret" not in listed + "".join(capfd.readouterr())
    assert [one["state"] for one in deliveries(node, added)] == ["delivered"]


def _bodies(hook: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in hook.received]


def test_administrators_alone_write_to_people(tmp_path: Path, hook: Receiver) -> None:
    wanted = {"kind": "slack", "url": hook.url, "events": ["job.failed"], "names_patients": True}
    with closed_node(closed_settings(tmp_path, webhook_hosts=("127.0.0.1",))) as closed:
        with closed.signed_in("ines", "integrator") as ines:
            assert confirm(ines).is_success
            is_problem(ines.post("/api/webhooks", json=wanted), 403, "not_allowed")
        with closed.signed_in("adam", "admin") as adam:
            assert adam.post("/api/webhooks", json=wanted).status_code == 403, "not confirmed"
            assert confirm(adam).is_success
            added = adam.post("/api/webhooks", json=wanted)
            assert added.status_code == 201, added.text
        path = f"/api/webhooks/{added.json()['webhook_id']}"
        with closed.with_key("ris", "integrator", "api:read", "api:write") as ris:
            assert "names_patients" in ris.get(path).json()
            for method, name, body in (
                ("PATCH", path, {"names_patients": False}),
                ("POST", f"{path}/ping", None),
                ("DELETE", path, None),
            ):
                is_problem(ris.request(method, name, json=body), 403, "not_allowed")
        (event,) = audited(closed.storage, code="110113", action="C")[-1:]
        assert event["detail"]["names_patients"] == "yes"


def test_no_key_has_patients_names_sent_to_a_chat(tmp_path: Path, hook: Receiver) -> None:
    wanted = {"kind": "slack", "url": hook.url, "events": ["alert.raised"]}
    naming = {**wanted, "names_patients": True}
    with closed_node(closed_settings(tmp_path, webhook_hosts=("127.0.0.1",))) as closed:
        with closed.signed_in("adam", "admin") as adam:
            assert confirm(adam).is_success
            added = adam.post("/api/webhooks", json=naming)
            assert added.status_code == 201, added.text
        path = f"/api/webhooks/{added.json()['webhook_id']}"
        with closed.with_key("installer", "admin") as program:
            is_problem(program.post("/api/webhooks", json=naming), 403, "not_a_person")
            unnamed = program.post("/api/webhooks", json=wanted)
            assert unnamed.status_code == 201, unnamed.text
            own = f"/api/webhooks/{unnamed.json()['webhook_id']}"
            for one, change in (
                (own, {"names_patients": True}),
                (path, {"url": f"{hook.url}/thief"}),
                (path, {"events": ["*"]}),
                (path, {"names_patients": True}),
            ):
                is_problem(program.patch(one, json=change), 403, "not_a_person")
            silenced = program.patch(path, json={"names_patients": False})
            assert silenced.status_code == 200, silenced.text


def test_somebody_at_the_machine_adds_tries_and_removes_receivers(
    tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = closed_settings(tmp_path)
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MEDIVIEW_WEBHOOK_HOSTS", "127.0.0.1")

    def mediview(*arguments: str, ok: bool = True, typed: str = "", **variables: str) -> str:
        with logging_as_before():
            ran = CliRunner(env=variables).invoke(
                command_line(["notify"]), ["notify", *arguments], input=typed
            )
        assert (ran.exit_code == 0) is ok, ran.output
        return ran.output + (str(ran.exception) if ran.exception else "")

    added = mediview("add", "teams", hook.url, "--name-patients", "--quiet", "22:00-06:00")
    assert "name patients" in added
    assert "alert.*" in mediview("list")
    webhook_id = added.split("notify test ")[1].split("`")[0]
    assert "HTTP 204" in mediview("test", webhook_id)
    assert "Test message" in json.dumps(_bodies(hook))
    mediview("set", webhook_id, "--no-name-patients", "--language", "de", ok=False)
    mediview("set", webhook_id, "--no-name-patients", "--event", "job.failed")
    assert "s3cret" not in mediview("list")
    # An argument stands in the shell's history, and in the list of processes.
    for given in ({"MEDIVIEW_NOTIFY_ADDRESS": hook.url}, {"typed": f"{hook.url}\n"}):
        added = mediview("add", "slack", **given)
        assert "s3cret" not in added
        other_id = added.split("notify test ")[1].split("`")[0]
        assert "HTTP 204" in mediview("test", other_id)
        mediview("remove", other_id)
    mediview("remove", webhook_id)
    assert "0 receivers" in mediview("list")
    assert "none of those" in mediview("add", "slack", "http://10.0.0.1/x", ok=False)
