"""YAML that means more than it says is refused before anything is built of it."""

import time
import tracemalloc
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from storage.core.untrusted_input.bounded_yaml import load_bounded_yaml

LAUGHS = "a: &a [x, x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]" for n in range(12)
)

DEEP = "\n".join(f"a{n}: &a{n} {'[' * 90}{f'*a{n - 1}' if n else 1}{']' * 90}" for n in range(18))


def test_plain_values_and_aliases_are_read() -> None:
    text = "one: &x {a: 1, b: [true, null]}\ntwo: *x\nthree: &s text\nfour: *s\n"
    assert load_bounded_yaml(text) == yaml.safe_load(text)
    assert load_bounded_yaml("") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LAUGHS, "more than 20000 values"),
        ("a: &a [1, *a]", "an alias stands for nothing that ended before it"),
        (DEEP, "deep in each other"),
        ("[" * 500 + "]" * 500, "deep in each other"),
        ("- 1\n" * 21_000, "more than 20000 values"),
        (" " * 1_100_000, "characters"),
    ],
    ids=["aliases of aliases", "alias of itself", "depth by aliases", "depth", "values", "length"],
)
def test_what_would_take_memory_is_refused(text: str, why: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(yaml.YAMLError, match=why):
            load_bounded_yaml(text)
        assert tracemalloc.get_traced_memory()[1] < 30 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system [id]", "a: *nobody"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_bounded_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: 2026-02-30",
        r'a: "\UD83DDE00"',
        r'a: "\UFFFFFFFF"',
        "a: !!bool maybe",
        "a: !!timestamp x",
        'a: !!int ""',
        "a: !!float x",
        "a: !!omap 1",
        "? [1, [2]]\n: 3",
    ],
)
def test_a_value_that_is_not_what_it_states_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_bounded_yaml(text)


@pytest.mark.parametrize(
    "written", ["{}", "-{}.5", "!!int '{}'", "!!float ' {}'", "{{{}: 1}}", "[+{}]"]
)
def test_a_number_of_base_60_takes_no_time_by_the_square_of_its_length(written: str) -> None:
    """1 MiB of them kept a processor for some eight minutes."""
    begun = time.process_time()
    with pytest.raises(yaml.YAMLError, match="more than 100 places of base 60"):
        load_bounded_yaml("a: " + written.format(":".join(["1"] * 50_000)))
    assert time.process_time() - begun < 2


def test_times_and_long_texts_with_colons_are_read() -> None:
    assert load_bounded_yaml("a: 1:30:00") == {"a": 5400}
    text = "x:y" * 1000
    assert load_bounded_yaml(f"a: {text}") == {"a": text}


_PIECES = ["a", ": ", "- ", "\n", " ", "[", "]", "{", "}", ",", "&a ", "*a", "!!", "|", ">", "?"]
_TAGS = ["int", "float", "bool", "null", "binary", "timestamp", "set", "omap", "pairs", "map", "x"]
_SCALARS = ["1", "0x", "0b_", "1:99", "2026-13-45", "~", "<<", "=", r'"\UD83DDE00"', r'"\x"', "é"]


@given(st.lists(st.sampled_from([*_PIECES, *(f"!!{tag} " for tag in _TAGS), *_SCALARS])))
def test_whatever_is_written_is_read_or_refused(pieces: list[str]) -> None:
    with suppress(yaml.YAMLError):
        load_bounded_yaml("".join(pieces))
