"""Every regular expression of the node takes time by the length of its text, not by its square.

The expressions are found by importing the four packages. Each is tried on texts that make
backtracking expressions slow, at one length and at twice that length.
"""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from starlette.datastructures import Headers

from api.access.session_cookies import read_cookie
from api.dicomweb.formats.multipart import parse_content_type
from api.dicomweb.formats.negotiation import parse_accept
from dicom_node.hl7 import escapes
from dicom_node.query.wildcard import wildcard_matches
from inference.deidentification import words
from inference.deidentification.leaks.dates import DateFinder
from inference.language import identifiers
from inference.language.guard import instructions, lexicon
from inference.reports import editing
from tests.attacks.support.measured import attacked_node

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

PACKAGES = ("storage", "dicom_node", "inference", "api")
# What may take long at import, or starts something.
SKIPPED = ("storage.migrations", "api.cli.__main__", "inference.__main__")
LENGTH = 2_000
# A text of that length takes a linear expression a few milliseconds.
AT_MOST_S = 0.05
PIECES = (
    *("a", "A", "0", " ", "-", ".", ",", ":", ";", "^", "=", "_", "/", "*", '"', "\\", "\n", "\t"),
    *("(", "[", "<", "'", "@", "ä", "a.", "a-", "a ", "a\n", "\n ", "0.", "0,", "0 ", "0-", "0/"),
    *("A^", "a'", "a:", "A b", "a@", "a@a", "a.a ", "<script", "//", ";a=", '","', "1.", "01-"),
    *("www.", "http://", "Dr. ", "Mr A", "no ", "is ", "the ", "not a ", "A a", "Aa ", "Aa", "- "),
)


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if found.name.startswith(SKIPPED):
                continue
            try:
                yield importlib.import_module(found.name)
            except ImportError:
                continue  # an optional library is missing


def patterns() -> list[re.Pattern[str]]:
    found = {
        pattern.pattern: pattern
        for module in modules()
        for value in vars(module).values()
        for pattern in _within(value)
        if isinstance(pattern.pattern, str)
    }
    return [found[text] for text in sorted(found)]


def _within(value: object, depth: int = 0) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, dict):
        for one in value.values():
            yield from _within(one, depth + 1)
    elif depth < 3 and isinstance(value, tuple | list | frozenset | set):
        for one in value:
            yield from _within(one, depth + 1)


def text_of(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


def seconds(match: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    match(text)
    return time.thread_time() - started


def is_linear(match: Callable[[str], object], piece: str, length: int = LENGTH) -> bool:
    """Whether twice the text takes twice the time; the best of several tries counts."""

    def takes_the_square(end: str) -> bool:
        once, twice = (
            min(seconds(match, text_of(piece, size) + end) for _ in range(3))
            for size in (length, 2 * length)
        )
        return twice > 3 * once

    for end in ("", "!", '"'):
        if seconds(match, text_of(piece, length) + end) < AT_MOST_S:
            continue
        # On a busy machine three tries of one length may all be interrupted.
        if all(takes_the_square(end) for _ in range(3)):
            return False
    return True


def test_no_expression_takes_time_by_the_square() -> None:
    found = patterns()
    assert len(found) > 80
    slow = [
        (pattern.pattern, piece)
        for pattern in found
        for piece in PIECES
        if not is_linear(pattern.fullmatch, piece) or not is_linear(pattern.match, piece)
    ]
    assert not slow


def test_expressions_that_search_take_time_by_the_length() -> None:
    """Those that look through reports and through what models say of them."""
    searching = [
        *(pattern for _, pattern in identifiers._PATTERNS),
        instructions._pattern("orders", "marks", "not_repeated"),
        escapes._runs("\\"),
        editing._NUMBER,
        lexicon._PIECE,
    ]
    slow = [
        (pattern.pattern[:80], piece)
        for pattern in searching
        for piece in PIECES
        if not is_linear(lambda text, pattern=pattern: list(pattern.finditer(text)), piece)  # type: ignore[misc]
    ]
    assert not slow


def test_names_are_looked_for_in_time_by_the_length_of_a_text() -> None:
    def found(text: str) -> object:
        return list(identifiers.by_context(text))

    found("Words are read from files first.")
    pieces = (*PIECES, "Prof. Dr. med. ", "Dr/Dr. ", "J. ", "Baker, ", "born 1950 ", "Re: A. ")
    assert [piece for piece in pieces if not is_linear(found, piece)] == []
    names = ("Dr. Xyzab and the Qwert ", "Berlin and Hamburg the Ab ")
    assert [piece for piece in names if not is_linear(found, piece, 40_000)] == []


def test_texts_are_cleaned_for_research_in_time_by_their_length() -> None:
    """An instance from anywhere may be exported, and its texts have any length."""
    dates = DateFinder(["20200102"], ["am"])
    slow = [
        piece
        for piece in PIECES
        if not is_linear(lambda text: words.cleaned(text, ()), piece, 8_000)
        or not is_linear(dates.is_in, piece, 8_000)
    ]
    assert not slow


@pytest.mark.parametrize("piece", ['"', '",', ',"', ';"', 'a;q="', '";";', '""', ",", ";"])
def test_header_values_are_read_in_one_pass(piece: str) -> None:
    assert is_linear(parse_accept, piece, 16_000)
    assert is_linear(parse_content_type, piece, 16_000)


@pytest.mark.parametrize("piece", ["\\", "\\1", '"\\', ";", "=", "a=b;", " "])
def test_cookies_are_read_in_one_pass(piece: str) -> None:
    def read(text: str) -> str:
        return read_cookie(Headers({"cookie": f'a="{text}"; mediview=token'}), "mediview")

    assert read("") == "token"
    assert is_linear(read, piece, 64_000)


@pytest.mark.parametrize("value", ["a" * 200, "ab" * 100, "a^b=" * 50])
@pytest.mark.parametrize("piece", ["*a", "*a?", "*", "?*", "a*b*"])
def test_wildcards_take_no_longer_with_more_stars(piece: str, value: str) -> None:
    assert seconds(lambda text: wildcard_matches(text, value), text_of(piece, 60_000)) < 0.5
    assert seconds(lambda text: wildcard_matches(text, value), text_of(piece, 199) + "X") < 0.5


@pytest.mark.slow
def test_a_header_of_32_kb_does_not_stop_the_server(tmp_path: Path) -> None:
    with attacked_node(tmp_path) as node:
        for name in ("Accept", "Content-Type", "Cookie", "Range", "Prefer", "If-None-Match"):
            for piece in ('",', '"', "\\", ";", ",", " ", "=-"):
                headers = {name: "a" + text_of(piece, 16_000).rstrip() + "b"}
                started = time.monotonic()
                httpx.post(f"{node.url}/dicom-web/studies", headers=headers, content=b"{}")
                httpx.get(f"{node.url}/dicom-web/studies", headers=headers)
                assert time.monotonic() - started < 2, (name, piece)
