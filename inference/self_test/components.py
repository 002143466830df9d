"""The parts that are tested, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import structlog

from inference.self_test.decoders import check_decoders
from inference.self_test.failure import REINSTALL, require
from storage.core.errors import MediViewError
from storage.processes.components import Component

log = structlog.get_logger(__name__)

_WORDS = "MEDIVIEW 2741"


def check_components(names: Sequence[str]) -> Iterator[Component]:
    """Each named part, one after the other. All take some seconds and 400 MB: give it a process."""
    for name in names:
        yield _checked(name, CHECKS[name])


def _checked(name: str, check: Callable[[], str]) -> Component:
    try:
        return Component(name, True, check())
    except MediViewError as error:
        return Component(name, False, error.message, error.remedy or REINSTALL)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, that part does not work
        log.warning("component_failed", component=name, error=type(error).__name__)
        return Component(name, False, f"{type(error).__name__}: {error}", REINSTALL)


def _read_by_ocr() -> str:
    from PIL import Image, ImageDraw, ImageFont

    from inference.language.documents.reading import read_document

    page = Image.new("RGB", (640, 160), "white")
    ImageDraw.Draw(page).text((40, 50), _WORDS, fill="black", font=ImageFont.load_default(48))
    buffer = BytesIO()
    page.save(buffer, "PNG")
    pages, _ = read_document(buffer.getvalue(), 1)
    read = " ".join(line.text for line in pages[0].lines)
    require(
        read.replace(" ", "") == _WORDS.replace(" ", ""),
        f"OCR read {read!r} where {_WORDS!r} was drawn.",
    )
    return "reads a drawn line"


def _write_and_read_pdf() -> str:
    from reportlab.pdfgen.canvas import Canvas

    from inference.language.documents.reading import read_document
    from inference.reports.export.pdf import REGULAR_FONT, register_fonts

    # Letters beyond ASCII are what a missing font shows first.
    written = "Größe 12 µm, Ödem"
    register_fonts()
    buffer = BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont(REGULAR_FONT, 14)
    canvas.drawString(72, 700, written)
    canvas.save()
    pages, _ = read_document(buffer.getvalue(), 1)
    read = " ".join(line.text for line in pages[0].lines)
    require(read == written, f"A PDF says {read!r} where {written!r} was written.")
    return "written with embedded fonts and read back"


def _embed() -> str:
    from inference.language.embedding import embed

    question, near, far = embed(["size of the tumour", "diameter of the mass", "bus timetable"])
    require(
        float(question @ near) > float(question @ far),
        "The embedding model finds a timetable closer to a tumour than a mass.",
    )
    return "tells near from far"


def _run_torch() -> str:
    import torch

    module = torch.nn.Conv3d(1, 1, 3, bias=False)
    torch.nn.init.ones_(module.weight)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        with torch.inference_mode():
            result = module.to(device)(torch.ones(1, 1, 5, 5, 5, device=device))
        require(bool((result == 27).all()), f"A convolution on {device} gave wrong numbers.")
    where = f"on {torch.cuda.get_device_name()}" if len(devices) > 1 else "on the CPU, no GPU"
    return f"PyTorch {torch.__version__} {where}"


CHECKS: dict[str, Callable[[], str]] = {
    "image decoders": check_decoders,
    "PDF and fonts": _write_and_read_pdf,
    "OCR": _read_by_ocr,
    "embedding": _embed,
    "PyTorch": _run_torch,
}
