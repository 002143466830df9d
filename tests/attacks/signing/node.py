"""A node with accounts and an identity provider, and a drafted report."""

from typing import Any

import httpx

from storage.container import Storage
from storage.reports.entities import Report, ReportSection, ReportSentence
from tests.api.access.closed import (
    PASSWORD,
)

STUDY = "1.2.826.0.1.3680043.10.1.9"


def with_jane(storage: Storage) -> None:
    storage.accounts.add("jane", PASSWORD, ["radiologist"])
    storage.accounts.set_person_name("jane", "Doe^Jane^^Dr.")


def drafted(storage: Storage, study: str = STUDY) -> Report:
    sections = (ReportSection("Findings", (ReportSentence("Brain volume 1,091 cm³."),)),)
    return storage.reports.offer(
        study, language="en", title="MRI of the head", sections=sections, basis_digest="1"
    )


def sign(client: httpx.Client, report: Report, state: str = "final", **more: Any) -> httpx.Response:
    version = client.get(f"/api/reports/{report.report_id}").json()["version"]
    order = {"state": state, "version": version, **more}
    return client.post(f"/api/reports/{report.report_id}/state", json=order)


def through_provider(client: httpx.Client, **asked: str) -> httpx.Response:
    """To the provider and back, as a browser goes."""
    there = client.get("/api/session/oidc/start", params=asked)
    assert there.status_code == 303, there.text
    return client.get(client.get(there.headers["location"]).headers["location"])


def as_page(client: httpx.Client) -> dict[str, Any]:
    who: dict[str, Any] = client.get("/api/session").json()
    client.headers["X-CSRF-Token"] = who["csrf_token"]
    return who
