"""A page of a document as a picture, for people to see where an answer stands.

PDFs come from outside and PDFium is native code: a page is drawn in a process of its own, so
that a document which breaks it breaks nothing else.
"""

import io
import resource
import subprocess
import sys

from PIL import Image

from inference.language.documents.reading import PDF_MARK, draw_pdf_page, open_image
from storage.errors import InvalidRequest, LimitExceeded, MediViewError, NotFound

_MAX_SIDE_PIXELS = 2000
_LIMIT_S = 30
_MEMORY_BYTES = 2 * 1024**3
_REFUSALS: dict[int, type[MediViewError]] = {3: InvalidRequest, 4: LimitExceeded, 5: NotFound}


def page_picture(data: bytes, page_number: int) -> bytes:
    """The page, counted from 1, as PNG, at most 2000 pixels wide or high.

    Raises NotFound where there is no such page, InvalidRequest, LimitExceeded.
    """
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__, str(page_number)],
            input=data,
            capture_output=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LimitExceeded(
            f"The page takes longer than {_LIMIT_S} s to draw.", remedy="Open the document itself."
        ) from error
    if ended.returncode == 0:
        return ended.stdout
    refusal = _REFUSALS.get(ended.returncode)
    if refusal is not None:
        detail, _, remedy = ended.stderr.decode().strip().partition("\n")
        raise refusal(detail, remedy=remedy)
    raise InvalidRequest("The page can't be drawn.", remedy="Export the document again.")


def draw(data: bytes, page_number: int) -> bytes:
    """The same in this very process."""
    if data[:1024].lstrip().startswith(PDF_MARK):
        image = draw_pdf_page(data, page_number)
    elif page_number == 1:
        image = open_image(data)
    else:
        raise NotFound("The document has one page.", remedy="Ask for page 1.")
    image.thumbnail((_MAX_SIDE_PIXELS, _MAX_SIDE_PIXELS), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (_LIMIT_S, _LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    try:
        picture = draw(sys.stdin.buffer.read(), int(sys.argv[1]))
    except tuple(_REFUSALS.values()) as error:
        status = next(one for one, kind in _REFUSALS.items() if isinstance(error, kind))
        sys.stderr.write(f"{error}\n{error.remedy}")
        return status
    sys.stdout.buffer.write(picture)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
