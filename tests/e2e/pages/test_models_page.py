"""An administrator adds a model in the browser, corrects its card, tries it and lets it work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from inference.model_trial.due import run_due_trial
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import keep_screenshot
from tests.e2e.support.guarded import confirm, guarded_node, sign_in
from tests.inference.orchestration import complete_series
from tests.inference.plain_models import onnx_model

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), pytest.mark.slow]

NAME = "plain-spleen"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    with guarded_node(tmp_path, model_uploads="any") as node:
        node.storage.accounts.add("root", PASSWORD, ["admin"])
        yield node


def test_a_model_comes_to_work_in_the_browser(
    closed: ClosedNode, guarded_page: Page, tmp_path: Path
) -> None:
    page, model = guarded_page, onnx_model(tmp_path / "plain")
    complete_series(closed.storage, "head", 40)
    sign_in(page, closed, "root", "/admin/?part=models")
    add_after_a_cut(page, model)
    item = page.locator(f"[data-testid=model][data-model={NAME}]")
    correct_card(page, item)
    try_on_a_study(closed, page, item)
    item.get_by_role("button", name="Verify").click()
    expect(item).to_have_attribute("data-state", "verified", timeout=120_000)
    item.get_by_role("button", name="Run in shadow").click()
    expect(item).to_have_attribute("data-state", "shadow")
    item.get_by_role("button", name="Activate").click()
    expect(item).to_have_attribute("data-state", "active")
    expect(item).to_contain_text("by root")
    item.get_by_role("button", name="Retire").click()
    asked = page.get_by_test_id("model-order")
    expect(asked).to_contain_text("This version makes the results now.")
    asked.get_by_role("button", name="Retire").click()
    expect(item).to_have_attribute("data-state", "retired")


def correct_card(page: Page, item: Locator) -> None:
    """Mistakes are shown at their lines while one types, and such a card is not saved."""
    item.get_by_role("button", name=f"Card: {NAME} 1.2").click()
    editor = item.get_by_test_id("card-editor")
    check = editor.get_by_test_id("card-check")
    expect(check).to_contain_text("The card is as it is saved.")
    editor.get_by_label("Least score of boxes").fill("3")
    expect(check).to_have_attribute("data-mistakes", "1")
    mistakes = editor.get_by_test_id("card-mistakes")
    expect(mistakes).to_contain_text("score_at_least = 3: Input should be less than or equal to 1")
    expect(editor.get_by_role("button", name="Save the card")).to_be_disabled()
    mistakes.get_by_role("button", name="Line 2, column 3").click()
    expect(editor.get_by_label("Card as JSON")).to_be_focused()
    keep_screenshot(page, "card-editor")
    assert serious_findings(page) == []
    editor.get_by_label("Least score of boxes").fill("0.4")
    editor.get_by_label("Licence", exact=True).fill("MIT")
    expect(check).to_contain_text("The card can be saved.")
    editor.get_by_text("Changes", exact=True).click()
    expect(editor).to_contain_text('+  "licence": "MIT"')
    editor.get_by_role("button", name="Save the card").click()
    expect(check).to_contain_text("The card is as it is saved.")
    expect(editor.get_by_label("Licence", exact=True)).to_have_value("MIT")
    item.get_by_text("History").click()
    expect(item).to_contain_text("Card changed: licence, score_at_least.")
    item.get_by_role("button", name=f"Card: {NAME} 1.2").click()


def try_on_a_study(closed: ClosedNode, page: Page, item: Locator) -> None:
    item.get_by_role("button", name=f"Try: {NAME} 1.2").click()
    trials = item.get_by_test_id("trials")
    trials.get_by_role("button", name="Try on ").first.click()
    expect(trials.get_by_test_id("trial-list")).to_contain_text("Waits for a worker")
    # The worker's part, which this node has none of.
    assert run_due_trial(closed.storage) is not None
    result = trials.get_by_test_id("trial-result")
    expect(result).to_contain_text("MB of memory")
    expect(result.get_by_test_id("tried-series")).to_contain_text("Spleen volume: ")
    picture = result.get_by_role("img", name="What the model found in Series")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 100
    picture.scroll_into_view_if_needed()
    assert serious_findings(page) == []
    trials.get_by_role("button", name="Discard").click()
    expect(trials).to_contain_text("No trials in the last hour.")
    assert closed.storage.jobs.list() == ([], 0)


def add_after_a_cut(page: Page, model: Path) -> None:
    """The connection is gone and the page is closed; the same folder goes on."""
    cut = True

    def connection(route: Route) -> None:
        if cut:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/uploads/parts?*", connection)
    page.get_by_test_id("model-folder").set_input_files(model)
    expect(page.get_by_test_id("model-upload-status")).to_contain_text("Connection lost at 0 %")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_test_id("unfinished-model")).to_contain_text("is not finished")
    assert serious_findings(page) == []
    cut = False
    page.get_by_test_id("model-folder").set_input_files(model)
    confirm(page, "root")
    expect(page.get_by_test_id("add-model")).to_contain_text(f"{NAME} is added.")
    item = page.locator(f"[data-testid=model][data-model={NAME}]")
    expect(item).to_have_attribute("data-state", "added")
    expect(page.get_by_test_id("unfinished-model")).to_have_count(0)
