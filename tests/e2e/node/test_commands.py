"""What a person types beside a running node: demo, send, doctor."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.mark.slow
def test_the_demo_leads_to_a_page_with_its_result(node: Node) -> None:
    answer = node.command("demo", "--new", limit_s=240)
    assert answer.returncode == 0, answer.stderr
    address = re.search(r"http://\S+study=([\d.]+)", answer.stdout)
    assert address, answer.stdout
    with chromium() as page:
        page.goto(address[0])
        viewport = page.get_by_test_id("viewport").first
        # The template's 217 × 181 × 181 bits leave a padding byte, unlike most scanners' matrices.
        expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    (finding,) = node.get(f"/api/studies/{address[1]}/findings")["items"]
    assert finding["label"] in answer.stdout
    # The brain of Colin27 with its cerebrospinal fluid; a rough bound from the literature.
    assert 1200 < finding["value"] < 2100


@pytest.mark.slow  # `TestSend` sends folders by the same command, without a whole node
def test_send_pushes_a_folder_to_any_peer(node: Node, pacs: Pacs, head: SentStudy) -> None:
    try:
        answer = node.command("send", str(head.folder), "--to", f"ORTHANC@127.0.0.1:{pacs.port}")
        assert answer.returncode == 0, answer.stderr
        count = len(head.sop_instance_uids)
        assert f"{count} of {count} instances" in answer.stdout
        held = set(pacs.instances_of(head.study_instance_uid))
        assert head.sop_instance_uids <= held
    finally:
        # Other tests count what the PACS holds of this study.
        pacs.forget(head.sop_instance_uids)


@pytest.mark.slow
def test_send_says_what_it_did_not_send(node: Node, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    answer = node.command("send", str(tmp_path), "--to", f"MEDIVIEW@127.0.0.1:{node.dicom_port}")
    assert answer.returncode != 0
    assert "There is no DICOM instance" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_doctor_finds_nothing_wrong_with_a_running_node(node: Node, pacs: Pacs) -> None:
    answer = node.command("doctor")
    assert answer.returncode == 0, answer.stdout
    assert "pacs" in answer.stdout, answer.stdout
    assert "Everything works." in answer.stdout


@pytest.mark.slow
def test_doctor_names_the_part_that_fails_and_the_remedy(node: Node) -> None:
    node_elsewhere = {**node.environment, "MEDIVIEW_DESTINATIONS": "gone=GONE@127.0.0.1:1"}
    answer = node.command("doctor", environment=node_elsewhere)
    assert answer.returncode == 1
    assert "GONE" in answer.stdout
    assert "→" in answer.stdout
