"""Store a study and open it in the reader."""

from collections.abc import Iterable

from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset

from tests.api.client import part10
from tests.e2e.support.node import Node


def store(node: Node, instances: Iterable[Dataset]) -> str:
    """Send instances of one study; its UID."""
    uid = ""
    for instance in instances:
        node.api.post(
            "/dicom-web/studies",
            content=part10(instance),
            headers={"Content-Type": "application/dicom"},
        ).raise_for_status()
        uid = str(instance.StudyInstanceUID)
    return uid


def opened(page: Page, node: Node, study_instance_uid: str, count: int = 1) -> None:
    page.goto(f"{node.url}/study/?study={study_instance_uid}")
    for index in range(count):
        viewport = page.get_by_test_id("viewport").nth(index)
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
