"""JSON from strangers: refused by its marks before it is parsed, by its elements after."""

import json
from typing import Any

import pytest

from storage.core.errors import LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json


@pytest.mark.parametrize("piece", ["{}", "[]", '""', "0", '{"":{}}'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_more_marks_than_elements_have_are_refused_before_the_json_is_read(
    piece: str, encoding: str
) -> None:
    body = f"[{','.join([piece] * 300)}".encode(encoding)  # a parser would say: it has no end
    with pytest.raises(LimitExceeded, match="more than 200 braces, brackets and commas"):
        load_bounded_json(body, 100, remedy="Send less.")


def test_values_are_elements_too() -> None:
    assert load_bounded_json(b"[%s]" % b",".join([b"1"] * 100), 100) == [1] * 100
    with pytest.raises(LimitExceeded, match="more than 100 elements, items and values"):
        load_bounded_json(b"[%s]" % b",".join([b"1"] * 101), 100)


def _nested(depth: int) -> dict[str, Any]:
    dataset: dict[str, Any] = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}}
    for _ in range(depth):
        dataset = {"00081140": {"vr": "SQ", "Value": [dataset]}}
    return dataset


def test_sequences_lie_64_deep_and_no_deeper() -> None:
    assert load_bounded_json(json.dumps([_nested(64)]).encode(), 1000) == [_nested(64)]
    with pytest.raises(LimitExceeded, match="more than 64 deep"):
        load_bounded_json(json.dumps([_nested(66)]).encode(), 1000)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"[NaN]"])
def test_what_is_no_json_is_told_apart(body: bytes) -> None:
    with pytest.raises(ValueError):
        load_bounded_json(body, 1_000_000, strict=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_half_a_surrogate_pair_is_no_text(encoding: str) -> None:
    """It could not be written again, into an answer or the index."""
    with pytest.raises(ValueError, match="surrogates"):
        load_bounded_json(r'{"a": ["\uD83D"]}'.encode(encoding), 100)
    whole = r'{"a": ["\uD83D\uDE00"], "b": NaN}'.encode(encoding)
    assert load_bounded_json(whole, 100)["a"] == ["\U0001f600"]
