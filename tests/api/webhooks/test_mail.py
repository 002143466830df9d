"""People hear of events by mail: in one message, of nobody's name, and whatever the server does."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.settings import Settings
from storage.webhooks.messages import start_message
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job
from tests.api.webhooks.receiver import configured, deliveries, notified, notified_until
from tests.api.webhooks.smtp import SmtpServer, smtp_server
from tests.dicom_node.certificates import Authority
from tests.inference.orchestration import complete_series

RECIPIENT = "duty@hospital.example"
PLANTED = ("Quernhammer", "Q-4711")


def with_mail(settings: Settings, smtp: SmtpServer, **more: Any) -> Settings:
    return configured(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=smtp.port,
        smtp_security="none",
        smtp_from="mediview@hospital.example",
        smtp_timeout_s=5.0,
        mail_domains=("hospital.example",),
        **more,
    )


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def node(api_settings: Settings, smtp: SmtpServer) -> Iterator[ApiNode]:
    with api_node(with_mail(api_settings, smtp)) as node:
        yield node


def receiver_of(node: ApiNode, **wanted: Any) -> dict[str, Any]:
    body = {"kind": "mail", "url": f"mailto:{RECIPIENT}", "events": ["*"], "wait_s": 0, **wanted}
    answer = node.client.post("/api/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def failed_job(node: ApiNode, study: str = "2.25.1", reason: str = "It broke.") -> None:
    job = scheduled_job(node.storage, study)
    assert node.storage.jobs.claim(job.job_id, "tests", 60, utcnow())
    assert node.storage.jobs.fail(job.job_id, "tests", reason, utcnow(), retry=False)


def window_over(node: ApiNode) -> None:
    """As if as long had passed as anything waits."""
    node.storage.webhook_outbox.fill()
    with writing(node.storage.engine) as connection:
        connection.execute(
            update(t.webhook_delivery).values(next_attempt_at=utcnow() - timedelta(seconds=1))
        )


def test_a_failed_job_is_one_mail_that_names_no_patient(node: ApiNode, smtp: SmtpServer) -> None:
    receiver_of(node)
    study = complete_series(node.storage, "a").study_instance_uid
    failed_job(node, study, f"Slices of {PLANTED[0]} ({PLANTED[1]}) are missing.")
    notified(node.storage)
    (mail,), (text,) = smtp.mails, smtp.texts
    assert mail["To"] == RECIPIENT
    assert mail["From"] == "mediview@hospital.example"
    assert mail["Subject"] == "[MediViewAI MEDIVIEW] Job failed: brain-volume"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert f"/study/?study={study}" in text
    assert "names no patient" in text
    assert not any(one in smtp.raw[0].decode() for one in PLANTED)
    notified(node.storage)
    assert len(smtp.raw) == 1, "once"


def test_500_failures_make_one_mail(node: ApiNode, smtp: SmtpServer) -> None:
    webhook = receiver_of(node, wait_s=300)
    job = {"pipeline": "brain-volume", "state": "CANCELED", "status": "FAILED", "reason": "x"}
    for number in range(500):
        node.storage.events.announce(
            "job", job | {"stage": "", "progress": 0}, f"2.25.{number + 1}"
        )
    while node.storage.webhook_outbox.fill():
        pass
    notified(node.storage)
    assert smtp.raw == [], "they wait for each other"
    window_over(node)
    notified(node.storage)
    (mail,), (text,) = smtp.mails, smtp.texts
    assert mail["Subject"] == "[MediViewAI MEDIVIEW] Job failed: brain-volume (500)"
    assert text.count("/study/?study=") == 10
    assert "and 490 more" in text
    assert len(smtp.raw[0]) < 4096
    assert {one["state"] for one in deliveries(node, webhook)} == {"delivered"}


def test_a_critical_finding_waits_neither_for_others_nor_for_the_morning(
    node: ApiNode, smtp: SmtpServer
) -> None:
    now = utcnow().astimezone()
    quiet = f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    webhook = receiver_of(node, wait_s=3600, quiet_hours=quiet, language="de")
    failed_job(node)
    node.storage.webhook_outbox.fill()
    with reading(node.storage.engine) as connection:
        due = connection.execute(select(t.webhook_delivery.c.next_attempt_at)).scalar_one()
    assert timedelta(minutes=100) < due - utcnow() <= timedelta(minutes=121)
    node.storage.critical_alerts.rise("2.25.1", "f1", "pneumothorax", "A pneumothorax.", 60)
    path = f"/api/webhooks/{webhook['webhook_id']}"
    assert node.client.patch(path, json={"wait_s": 0}).status_code == 200
    notified(node.storage)
    (mail,), (text,) = smtp.mails, smtp.texts
    assert mail["Importance"] == "high"
    assert "Kritischer Befund" in text
    assert "Auftrag fehlgeschlagen: brain-volume" in text, "what waited goes with it"
    assert "pneumothorax" not in text


def test_patients_are_named_only_where_an_administrator_wants_it(
    node: ApiNode, smtp: SmtpServer, capfd: pytest.CaptureFixture[str]
) -> None:
    study = complete_series(node.storage, "a").study_instance_uid
    webhook = receiver_of(node)
    path = f"/api/webhooks/{webhook['webhook_id']}"
    assert webhook["warning"] == ""
    changed = node.client.patch(path, json={"names_patients": True}).json()
    assert "name patients" in changed["warning"]
    smtp.answers["."] = "451 try later"
    failed_job(node, study)
    notified(node.storage)
    smtp.answers.clear()
    notified_until(node.storage, lambda: len(smtp.raw) > 1)
    assert all(one in smtp.texts[-1] for one in PLANTED)
    assert "Treat it as part of their records" in smtp.texts[-1]
    trail = node.client.get("/api/audit?limit=100").json()["items"]
    details = [str(one["detail"]) for one in trail]
    assert any("names_patients" in one and "yes" in one for one in details)
    assert any("notification" in one for one in details), "that it left is an export"
    assert not any(one in "".join(capfd.readouterr()) for one in PLANTED)
    listed = node.client.get(f"{path}/deliveries").text
    assert not any(one in listed for one in PLANTED)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"answers": {"RCPT": "451 greylisted, come back"}}, "451 greylisted"),
        ({"answers": {"MAIL": "421 too busy"}}, "421 too busy"),
        ({"answers": {"RCPT": "550-" + "x" * 20_000}}, "500 Line too long"),
        ({"hangs_at": "DATA"}, "within 0.4 s"),
        ({"hangs_at": "CONNECT"}, "within 0.4 s"),
        ({"drips_at": "EHLO"}, "within 0.4 s"),
        ({"cuts_after_data": 1000}, "closed the connection"),
    ],
    ids=["greylisted", "busy", "endless line", "hangs", "silent", "drips", "cut after data"],
)
def test_what_the_server_does_wrong_is_tried_again_as_the_same_message(
    api_settings: Settings, fault: dict[str, Any], sentence: str
) -> None:
    with smtp_server(**fault) as smtp:
        with api_node(with_mail(api_settings, smtp)) as node:
            if "within 0.4 s" in sentence:
                hurried = node.storage.settings.model_copy(update={"smtp_timeout_s": 0.4})
                object.__setattr__(node.storage, "settings", hurried)
            webhook = receiver_of(node)
            failed_job(node)
            notified(node.storage)
            (waiting,) = deliveries(node, webhook)
            assert waiting["state"] == "pending"
            assert sentence in waiting["last_error"]
            failed_job(node, "2.25.2")
            smtp.answers.clear()
            smtp.hangs_at = smtp.drips_at = ""
            smtp.cuts_after_data = 0
            object.__setattr__(node.storage, "settings", with_mail(api_settings, smtp))
            notified_until(
                node.storage, lambda: len(deliveries(node, webhook, "state=delivered")) == 2
            )
        own = [one["Message-ID"] for one in smtp.mails if "2.25.2" not in one.get_content()]
        assert len(set(own)) == 1, "a mailbox drops the double"
        assert len({one["Message-ID"] for one in smtp.mails}) == 2


def test_a_sender_that_died_after_its_message_left_is_followed_by_the_same_message(
    node: ApiNode, smtp: SmtpServer
) -> None:
    webhook = receiver_of(node)
    failed_job(node, "2.25.71")
    node.storage.webhook_outbox.fill()
    left = start_message(node.storage.engine, webhook["webhook_id"], utcnow())
    assert left is not None
    failed_job(node, "2.25.72")
    notified(node.storage)
    first, second = smtp.mails
    assert first["Message-ID"] == f"<{left.message_id}@hospital.example>"
    assert second["Message-ID"] != first["Message-ID"]
    assert "2.25.72" not in smtp.texts[0], "a mailbox that drops the double must not lose it"
    assert "2.25.72" in smtp.texts[1]


def test_a_recipient_that_is_refused_is_given_up_and_named(
    node: ApiNode, smtp: SmtpServer, capfd: pytest.CaptureFixture[str]
) -> None:
    smtp.answers["RCPT"] = "550 5.1.1 no such user\x1b[2J"
    webhook = receiver_of(node)
    failed_job(node)
    notified(node.storage)
    (dead,) = deliveries(node, webhook, "state=dead")
    assert dead["attempts"] == 1
    assert re.fullmatch(
        rf"127\.0\.0\.1:\d+ refused the recipient {RECIPIENT}: 550 5\.1\.1 no such user.*\.",
        dead["last_error"],
    )
    assert "\x1b" not in dead["last_error"]
    assert RECIPIENT not in "".join(capfd.readouterr())
    smtp.answers.clear()
    path = f"/api/webhooks/{webhook['webhook_id']}/deliveries/{dead['delivery_id']}/redeliver"
    assert node.client.post(path).status_code == 202
    notified(node.storage)
    assert len(smtp.raw) == 1


def test_others_hear_once_of_a_mail_that_was_given_up(node: ApiNode, smtp: SmtpServer) -> None:
    smtp.answers["RCPT"] = "550 5.1.1 no such user"
    receivers = [receiver_of(node), receiver_of(node, events=["delivery.*", "alert.*"])]
    node.storage.critical_alerts.rise("2.25.1", "f1", "pneumothorax", "A pneumothorax.", 60)
    for _ in range(5):
        node.storage.webhook_outbox.fill()
        window_over(node)
        notified(node.storage)
    for receiver in receivers:
        given_up = [one["event_type"] for one in deliveries(node, receiver, "state=dead")]
        assert sorted(given_up) == ["alert.raised", "delivery.failed", "delivery.failed"]
    with reading(node.storage.engine) as connection:
        rows = connection.execute(select(t.event).where(t.event.c.topic == "delivery")).all()
    assert [one.payload["destination"] for one in rows] == ["mail hospital.example"] * 2
    assert {one.study_instance_uid for one in rows} == {"2.25.1"}


def test_a_server_that_takes_less_ends_it(node: ApiNode, smtp: SmtpServer) -> None:
    smtp.size = 100
    webhook = receiver_of(node)
    failed_job(node)
    notified(node.storage)
    (dead,) = deliveries(node, webhook, "state=dead")
    assert "takes messages of 100 bytes" in dead["last_error"]


def test_names_of_models_and_destinations_break_no_header(node: ApiNode, smtp: SmtpServer) -> None:
    receiver_of(node)
    hostile = "x\r\nBcc: thief@evil.example\r\n\r\n.\r\nRSET\x00\u202e" + "y" * 5000
    job = {"pipeline": hostile, "state": "CANCELED", "status": "FAILED", "reason": "x"}
    node.storage.events.announce("job", job | {"stage": "", "progress": 0}, "2.25.1")
    notified(node.storage)
    (mail,) = smtp.mails
    assert "Bcc" not in mail
    assert mail["Subject"].startswith("[MediViewAI MEDIVIEW] Job failed: x Bcc: thief")
    assert len(mail["Subject"]) < 200
    assert "\n.\n" not in smtp.texts[0]
    assert smtp.recipients == [f"TO:<{RECIPIENT}>"]


def test_mail_is_encrypted_and_signed_in_or_does_not_leave(
    api_settings: Settings, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("smtp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    more = {
        "smtp_security": "starttls",
        "smtp_user": "node",
        "smtp_password": SecretStr("s3cret"),
        "smtp_ca": authority.certificate,
    }
    with smtp_server(context=context, password="s3cret") as smtp:
        settings = with_mail(api_settings, smtp).model_copy(update=more)
        with api_node(settings) as node:
            webhook = receiver_of(node)
            path = f"/api/webhooks/{webhook['webhook_id']}"
            assert node.client.post(f"{path}/ping").json()["ok"]
            assert smtp.encrypted == [True]
            assert smtp.mails[0]["Subject"] == "[MediViewAI MEDIVIEW] Test message"
            for change, sentence in (
                ({"smtp_ca": None}, "is not accepted"),
                ({"smtp_password": SecretStr("wrong")}, "does not accept MEDIVIEW_SMTP_USER"),
            ):
                failed_job(node, f"2.25.{len(sentence)}")
                # The message of before, which waits for its next attempt, is the first one.
                window_over(node)
                wrong = settings.model_copy(update=change)
                object.__setattr__(node.storage, "settings", wrong)
                notified(node.storage)
                errors = [one["last_error"] for one in deliveries(node, webhook)]
                assert any(sentence in one for one in errors), errors
                assert not any("s3cret" in one for one in errors)
            smtp.context = None
            notified_until(
                node.storage,
                lambda: any(
                    "offers no STARTTLS" in one["last_error"] for one in deliveries(node, webhook)
                ),
            )
            assert len(smtp.raw) == 1, "nothing goes in the open"


def test_only_addresses_of_the_list_get_mail(node: ApiNode) -> None:
    for url in (
        "mailto:duty@elsewhere.example",
        "mailto:duty@hospital.example,boss@hospital.example",
        "mailto:duty@hospital.example\r\nBcc: x@hospital.example",
        "mailto:<duty@hospital.example>",
        "mailto:@hospital.example",
        "mailto:duty%elsewhere.example@hospital.example",
        "mailto:elsewhere.example!duty@hospital.example",
        "mailto:-oQ/tmp@hospital.example",
    ):
        body = {"kind": "mail", "url": url, "events": ["job.failed"]}
        is_problem(node.client.post("/api/webhooks", json=body), 400, "invalid_request")
    for wrong in (
        {"events": ["job.scheduled"]},
        {"quiet_hours": "22-6"},
        {"kind": "webhook", "names_patients": True, "url": "http://127.0.0.1/x"},
    ):
        body = {"kind": "mail", "url": f"mailto:{RECIPIENT}", "events": ["job.failed"], **wrong}
        is_problem(node.client.post("/api/webhooks", json=body), 400, "invalid_request")
