"""A page of a document as a picture, for people to see where an answer stands."""

from inference.language.documents.reading import is_pdf, page_png
from storage.core.errors import NotFound


def page_picture(data: bytes, page_number: int) -> bytes:
    """The page, counted from 1, as PNG, at most 2000 pixels wide or high.

    Raises NotFound where there is no such page, InvalidRequest, LimitExceeded.
    """
    if page_number != 1 and not is_pdf(data):
        raise NotFound("The document has one page.", remedy="Ask for page 1.")
    return page_png(data, page_number)
