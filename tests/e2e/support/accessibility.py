"""What axe-core finds on a page as it is now."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

_AXE = Path(__file__).parents[3] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def serious_findings(page: Page) -> list[str]:
    """Each as its rule and the element, of WCAG 2.2 A and AA."""
    if not _AXE.is_file():
        pytest.skip("axe-core is missing: run `npm ci` in viewer/.")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags}).then(result => result.violations)", _TAGS
    )
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
