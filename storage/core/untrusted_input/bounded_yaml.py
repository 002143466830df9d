"""YAML from strangers, refused before its aliases or its depth take memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

_MAX_CHARACTERS = 1024 * 1024
_MAX_VALUES = 20_000
_MAX_DEPTH = 100
_MAX_PLACES = 100
_OF_NUMBERS = "+-.0123456789:_"


class YamlRefused(yaml.YAMLError):
    """`problem` says why, as of PyYAML's own errors."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def load_bounded_yaml(text: str) -> Any:
    """The value of a YAML document of plain types.

    An alias counts as all that it stands for: ten lines of aliases can mean a milliard of values,
    and one within what it stands for means values without end. Raises yaml.YAMLError.
    """
    check_bounded_yaml(text)
    with _faults_named():
        return yaml.safe_load(text)


def check_bounded_yaml(text: str) -> None:
    """Raises yaml.YAMLError for what is no YAML, and for more than the limits."""
    if len(text) > _MAX_CHARACTERS:
        raise YamlRefused(f"it has more than {_MAX_CHARACTERS} characters")
    with _faults_named():
        _count(text)


@contextmanager
def _faults_named() -> Iterator[None]:
    """PyYAML checks neither escapes nor what a tag or the look of a scalar promises.

    What Python raises then has many types: of 2026-02-30 ValueError, of a character beyond Unicode
    OverflowError, of `!!bool maybe` KeyError, of `!!timestamp x` AttributeError, of `!!int ""`
    IndexError.
    """
    try:
        yield
    except (yaml.YAMLError, MemoryError):
        raise
    except (ValueError, OverflowError) as error:
        cause = f"a number, date or character in it does not exist ({error})"
        raise YamlRefused(cause) from error
    except Exception as error:
        cause = f"a value in it is not of the type that it states ({type(error).__name__})"
        raise YamlRefused(cause) from error


def _count(text: str) -> None:
    meaning = _Meaning()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            meaning.alias(event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            meaning.begin(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            meaning.end()
        elif isinstance(event, yaml.ScalarEvent):
            _check_number(event.value, event.tag or "")
            meaning.begin(event.anchor)
            meaning.end()


def _check_number(text: str, tag: str) -> None:
    """PyYAML takes `1:30:00` for a number of base 60, in time by the square of its length."""
    is_number = tag.endswith((":int", ":float")) or not text.strip(_OF_NUMBERS)
    if text.count(":") > _MAX_PLACES and is_number:
        raise YamlRefused(f"a number in it has more than {_MAX_PLACES} places of base 60")


@dataclass
class _Node:
    """A value that is open, or has an anchor: how many values it is, and how deep they lie."""

    anchor: str | None
    count: int = 1
    depth: int = 0


class _Meaning:
    """How much a document stands for, counted while it is read."""

    def __init__(self) -> None:
        self._count = 0
        self._opened: list[_Node] = []
        self._anchored: dict[str, _Node] = {}

    def begin(self, anchor: str | None) -> None:
        self._opened.append(_Node(anchor))
        self._check(1, 0)

    def end(self) -> None:
        ended = self._opened.pop()
        self._add(ended)
        if ended.anchor is not None:
            self._anchored[ended.anchor] = ended

    def alias(self, anchor: str | None) -> None:
        meant = self._anchored.get(anchor or "")
        if meant is None:
            raise YamlRefused("an alias stands for nothing that ended before it")
        self._check(meant.count, meant.depth + 1)
        self._add(meant)

    def _add(self, node: _Node) -> None:
        if self._opened:
            self._opened[-1].count += node.count
            self._opened[-1].depth = max(self._opened[-1].depth, node.depth + 1)

    def _check(self, more: int, deeper: int) -> None:
        self._count += more
        if self._count > _MAX_VALUES:
            raise YamlRefused(f"it stands for more than {_MAX_VALUES} values")
        if len(self._opened) + deeper > _MAX_DEPTH:
            raise YamlRefused(f"its values lie more than {_MAX_DEPTH} deep in each other")
