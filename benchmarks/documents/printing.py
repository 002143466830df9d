"""Documents in HTML, printed to PDF by Chromium, and PDFs as a scanner would give them."""

import io
import shutil
from collections.abc import Iterable

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

from benchmarks.documents.drawing import drawn
from benchmarks.documents.sources import Scan, Source

_FONTS = {
    "sans": "11pt 'DejaVu Sans'",
    "serif": "11.5pt 'DejaVu Serif'",
    "condensed": "10.5pt 'DejaVu Sans Condensed'",
}
_CSS = """
@page { size: A4; margin: 18mm }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 3px 6px }
.grid td, .grid th { border: 1px solid #333 } .lines tr { border-bottom: 1px solid #999 }
small { font-size: 70% }
"""
_PAPER = 250
_BLUR_PIXELS = 0.6


def printed(sources: Iterable[Source]) -> dict[str, bytes]:
    """Each document by name: a PDF, or the PNG of its first page where it is a scan."""
    from playwright.sync_api import sync_playwright

    found: dict[str, bytes] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        for source in sources:
            if source.generator == "chromium":
                style = f"<style>body {{ font: {_FONTS[source.style]} }} {_CSS}</style>"
                page.set_content(f"<meta charset=utf-8>{style}<body>{source.content}")
                pdf = page.pdf(prefer_css_page_size=True)
            else:
                pdf = drawn(source)
            found[source.name] = scanned(pdf, source.scan, source.name) if source.scan else pdf
        browser.close()
    return found


def scanned(pdf: bytes, scan: Scan, name: str) -> bytes:
    """Its first page as a PNG: turned, blurred and with noise that is the same each time."""
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=scan.dpi / 72).to_pil().convert("L")
    document.close()
    image = image.rotate(
        scan.angle_deg, Image.Resampling.BICUBIC, expand=False, fillcolor=255
    ).filter(ImageFilter.GaussianBlur(_BLUR_PIXELS))
    random = np.random.default_rng(list(name.encode()))
    grey = np.asarray(image, np.float32) * (_PAPER / 255)
    grey += random.normal(0, scan.noise, grey.shape)
    target = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(target, "PNG", dpi=(scan.dpi,) * 2)
    return target.getvalue()
