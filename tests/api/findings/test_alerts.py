"""Critical findings: an alert by the site's rules, told again until a person acknowledges it."""

from datetime import timedelta
from pathlib import Path

import pytest

from inference.model_registry.adding import add_model
from inference.reports.critical import raise_alerts, repeat_alerts
from inference.rules.rule_set import RuleSet
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from tests.api.audit.test_audit import stored
from tests.api.client import ApiNode, is_problem, scheduled_job, worked_on
from tests.inference.bundles import segmentation_bundle

RULES = """
critical:
  - name: brain-too-large
    pipeline: brain-volume
    finding: Brain volume
    above: 1200
    text: Brain larger than expected.
  - name: brain-too-small
    pipeline: brain-volume
    finding: brain volume
    below: 500
"""


@pytest.fixture
def study(api: ApiNode) -> str:
    """A study with a brain volume of 1234.5 cm³, which the site calls critical."""
    uid, _, _ = stored(api, PatientID="P-9")
    worked_on(api.storage, scheduled_job(api.storage, uid))
    api.storage.settings.resolved_rules_file.write_text(RULES)
    return uid


def changes(api: ApiNode) -> list[str]:
    events = api.storage.events.since(0)
    return [one.payload["change"] for one in events if one.topic == "alert"]


def test_an_alert_waits_for_a_person_and_is_told_again_until_then(api: ApiNode, study: str) -> None:
    assert raise_alerts(api.storage, study) == 1
    assert raise_alerts(api.storage, study) == 0, "once for a finding and rule"
    (alert,) = api.client.get("/api/alerts", params={"state": "open"}).json()["items"]
    assert alert["text"] == "Brain larger than expected: Brain volume 1,234.5 cm³."
    assert (alert["rule"], alert["study_instance_uid"]) == ("brain-too-large", study)
    assert api.client.get(f"/api/studies/{study}").json()["open_alerts"] == 1
    assert repeat_alerts(api.storage.settings, api.storage.critical_alerts, utcnow()) == 0, (
        "not before its time"
    )
    later = utcnow() + timedelta(seconds=api.storage.settings.alert_repeat_s + 1)
    assert repeat_alerts(api.storage.settings, api.storage.critical_alerts, later) == 1
    url = f"/api/alerts/{alert['alert_id']}/acknowledge"
    answer = api.client.post(url, json={"note": "Told the ward."}).json()
    assert (answer["state"], answer["acknowledged_by"], answer["repeats"]) == (
        "acknowledged",
        "local",
        1,
    )
    assert answer["acknowledged_at"]
    is_problem(api.client.post(url), 409, "state_conflict")
    is_problem(api.client.post("/api/alerts/0/acknowledge"), 404, "not_found")
    assert (
        repeat_alerts(api.storage.settings, api.storage.critical_alerts, later + timedelta(days=1))
        == 0
    )
    assert api.client.get(f"/api/studies/{study}").json()["open_alerts"] == 0
    assert changes(api) == ["raised", "repeated", "acknowledged"]


def test_what_a_person_rejected_raises_nothing(api: ApiNode, study: str) -> None:
    (finding,) = api.storage.findings.of_study(study)
    api.client.post(
        f"/api/findings/{finding.finding_id}/feedback", json={"kind": "REJECTED"}
    ).raise_for_status()
    assert raise_alerts(api.storage, study) == 0


def test_a_rule_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="no limit"):
        RuleSet.model_validate({"critical": [{"name": "a", "pipeline": "p", "finding": "f"}]})


def test_the_card_of_a_model_names_what_is_critical(api: ApiNode, tmp_path: Path) -> None:
    """Beside the site's rules, and only of the model's own findings."""
    limits = [{"finding": "118565006", "below": 900, "text": "Small brain."}]
    add_model(
        api.storage.settings,
        api.storage.model_states,
        api.storage.shadow_runs,
        segmentation_bundle(tmp_path / "bundle", critical=limits),
        "petra",
    )
    uid, _, _ = stored(api, PatientID="P-10")
    for pipeline, value in (("bundle-spleen-of-phantoms", 850.0), ("brain-volume", 850.0)):
        job, _ = api.storage.jobs.schedule(
            pipeline, "0.3.1", uid, "2.25.2", pipeline.ljust(64, "0")
        )
        worked_on(api.storage, job, value)
    assert raise_alerts(api.storage, uid) == 1
    (alert,) = api.client.get("/api/alerts").json()["items"]
    assert alert["rule"] == "bundle-spleen-of-phantoms 1"
    assert alert["text"] == "Small brain: Brain volume 850.0 cm³."
    no_limit = segmentation_bundle(tmp_path / "other", critical=[{"finding": "Brain volume"}])
    with pytest.raises(InvalidRequest, match="says no limit"):
        add_model(
            api.storage.settings,
            api.storage.model_states,
            api.storage.shadow_runs,
            no_limit,
            "petra",
        )


@pytest.mark.parametrize(
    ("language", "stated"),
    [
        ("en", "Critical by a limit of the rules or of the model:"
         " Brain larger than expected: Brain volume 1,234.5 cm³."),
        ("de", "Kritisch nach einer Grenze der Regeln oder des Modells:"
         " Brain larger than expected: Gehirn (Volumen) 1.234,5 cm³."),
    ],
)  # fmt: skip
def test_a_draft_concludes_with_what_is_critical_first(
    api: ApiNode, study: str, language: str, stated: str
) -> None:
    wanted = {"study_instance_uid": study, "language": language}
    report = api.client.post("/api/reports/draft", json=wanted).json()
    impression = next(one for one in report["sections"] if one["kind"] == "impression")
    first = impression["sentences"][0]
    assert first["text"] == stated
    assert len(first["finding_ids"]) == 1
    assert stated in api.client.get(f"/api/reports/{report['report_id']}/text").text


def test_who_rejects_a_finding_need_not_be_reminded_of_it(api: ApiNode, study: str) -> None:
    assert raise_alerts(api.storage, study) == 1
    (finding,) = api.storage.findings.of_study(study)
    body = {"kind": "REJECTED", "reason": "It is the skull."}
    api.client.post(f"/api/findings/{finding.finding_id}/feedback", json=body).raise_for_status()
    (alert,) = api.client.get("/api/alerts").json()["items"]
    assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "local")
    assert alert["note"] == "The finding was rejected. It is the skull."
    later = utcnow() + timedelta(seconds=api.storage.settings.alert_repeat_s + 1)
    assert repeat_alerts(api.storage.settings, api.storage.critical_alerts, later) == 0
    assert changes(api) == ["raised", "acknowledged"]
