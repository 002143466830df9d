"""Parts of addresses: what others call a thing must not lead to another resource."""

from urllib.parse import quote


def segment(value: str) -> str:
    """As one part of a path or a query. Raises ValueError for what would lead up."""
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} names nothing: an id or a UID is wanted.")
    return quote(value, safe="")
