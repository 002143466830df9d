"""An administrator adds a model in the browser, corrects its card, tries it and lets it work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.api.access.closed import PASSWORD, ClosedNode
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import keep_screenshot
from tests.e2e.support.guarded import confirm, guarded_node, sign_in
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
    sign_in(page, closed, "root", "/admin/?part=models")
    add_after_a_cut(page, model)


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
    keep_screenshot(page, "model-upload")
    assert serious_findings(page) == []
    cut = False
    page.get_by_test_id("model-folder").set_input_files(model)
    confirm(page, "root")
    expect(page.get_by_test_id("add-model")).to_contain_text(f"{NAME} is added.")
    item = page.locator(f"[data-testid=model][data-model={NAME}]")
    expect(item).to_have_attribute("data-state", "added")
    expect(page.get_by_test_id("unfinished-model")).to_have_count(0)
