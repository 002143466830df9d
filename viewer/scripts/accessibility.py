"""Runs axe-core over the pages of a running node, in Chromium; ends with 1 on a serious finding.

    python viewer/scripts/accessibility.py http://127.0.0.1:8000

Needs Playwright for Python, Debian's Chromium, and `npm ci` in viewer/.
"""

import os
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds on the page as it is now."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags}).then(result => result.violations)", TAGS
    )
    return found


def report(title: str, page: Page) -> int:
    """Print the findings of a page and return how many of them are serious."""
    serious = 0
    for found in violations(page):
        serious += found["impact"] in ("serious", "critical")
        print(f"{title}: {found['impact']}: {found['id']}: {found['help']}")
        for node in found["nodes"][:3]:
            print(f"    {node['html'][:160]}")
    return serious


def main(address: str) -> int:
    """Look at the list, the reader with a stack and with three planes, and the key help."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("[data-testid=study-row], [data-testid=empty]")
        serious = report("list", page)
        page.keyboard.press("?")
        serious += report("list, keys", page)
        page.keyboard.press("Escape")
        studies = page.eval_on_selector_all("[data-study-link]", "all => all.map(a => a.href)")
        for number, study in enumerate(studies[:20], start=1):
            page.goto(study)
            page.wait_for_selector("[data-testid=viewport][data-image-rendered], [role=alert]")
            page.wait_for_timeout(2000)
            serious += report(f"reader {number}", page)
            planes = page.get_by_test_id("mpr-toggle")
            if planes.count() and planes.is_enabled():
                planes.click()
                page.wait_for_timeout(4000)
                serious += report(f"reader {number}, planes", page)
        browser.close()
    print(f"{serious} serious or critical findings on {len(studies)} studies")
    return 1 if serious else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
