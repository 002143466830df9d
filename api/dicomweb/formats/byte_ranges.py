"""A part of a representation by its bytes (RFC 9110 14)."""

import re
from dataclasses import dataclass

from fastapi import Request

from api.errors import ApiProblem

_ONE_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})\s*)?-(?:\s*(\d{1,18}))?", re.ASCII)


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    """Behind the last byte."""
    whole: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.whole}"


def requested_span(request: Request, size_bytes: int, etag: str) -> Span | None:
    """The one range that a request asks for, None where all has to be sent.

    Several ranges, and what cannot be read, count as none asked for, as RFC
    9110 14.2 allows. Raises 416 where nothing of the range is there.
    """
    match = _ONE_RANGE.fullmatch(request.headers.get("range", "").strip())
    if match is None or request.headers.get("if-range", etag) != etag:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start = int(first)
        end = min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < start:
            return None
    if start >= end:
        raise ApiProblem(
            416,
            "range_not_satisfiable",
            f"The range lies outside the {size_bytes} bytes that there are.",
            remedy="Ask for bytes from 0 up to that number.",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    return Span(start, end, size_bytes)
