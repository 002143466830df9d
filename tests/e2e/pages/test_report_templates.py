"""An administrator takes a template from a file, a radiologist begins with it and fills it in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import follow, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

MRRT = """<!DOCTYPE html><html lang="en"><head><title>MR Head</title></head><body>
<section data-section-name="Findings"><header>Findings</header>
<p>Ventricles <select><option>normal in size</option><option>enlarged</option></select>.</p>
<p>Midline shift of <input type="number" data-field-units="mm">.</p>
<p><input type="checkbox" value="Leukoaraiosis"></p></section></body></html>"""


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def test_a_template_goes_from_a_file_into_a_report(
    node: Node, head: SentStudy, study_folder: Path, tmp_path: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "from-a-template")
    send(node, study)
    follow(node, study)
    file = tmp_path / "head.html"
    file.write_text(MRRT, encoding="utf-8")
    page.goto(f"{node.url}/admin/?part=reportTemplates")
    page.get_by_label("Import from RadReport (MRRT)").set_input_files(file)
    expect(page.get_by_role("textbox", name="Text, one sentence per line")).to_have_value(
        "Ventricles [normal in size|enlarged].\nMidline shift of [___ mm].\n[Leukoaraiosis|]"
    )
    assert serious_findings(page) == []
    keep_screenshot(page, "report-template")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_test_id("report-template")
    expect(row).to_contain_text("MR Head")
    expect(row).to_contain_text("MR")

    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    panel = page.get_by_test_id("report-panel")
    panel.get_by_role("button", name="Edit").click()
    panel.get_by_role("button", name="Insert template").click()
    fields = panel.get_by_test_id("open-fields")
    expect(fields).to_contain_text("3 fields are still open")
    keep_screenshot(page, "report-from-a-template")
    assert serious_findings(page) == []
    fields.get_by_label("Fill in: Ventricles", exact=True).select_option("enlarged")
    fields.get_by_label("Fill in: Midline shift of", exact=True).fill("7")
    page.keyboard.press("Enter")
    fields.get_by_role("combobox").select_option(label="(leave out)")
    expect(fields).to_have_count(0)
    panel.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("Ventricles enlarged.")
    expect(panel).to_contain_text("Midline shift of 7 mm.")
    expect(panel).not_to_contain_text("Leukoaraiosis")
