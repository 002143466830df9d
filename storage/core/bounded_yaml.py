"""YAML from strangers, refused before its aliases or its depth take memory."""

from typing import Any

import yaml

_MAX_CHARACTERS = 1024 * 1024
_MAX_VALUES = 20_000
_MAX_DEPTH = 100


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
    return yaml.safe_load(text)


def check_bounded_yaml(text: str) -> None:
    """Raises yaml.YAMLError for what is no YAML, and for more than the limits."""
    if len(text) > _MAX_CHARACTERS:
        raise YamlRefused(f"it has more than {_MAX_CHARACTERS} characters")
    anchored: dict[str, int] = {}
    # Of each collection that is open: its anchor, and how many values there were before it.
    opened: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchored:
                raise YamlRefused("an alias stands for nothing that ended before it")
            count += anchored[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                anchored[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor is not None:
                anchored[event.anchor] = 1
        if count > _MAX_VALUES:
            raise YamlRefused(f"it stands for more than {_MAX_VALUES} values")
        if len(opened) > _MAX_DEPTH:
            raise YamlRefused(f"its values lie more than {_MAX_DEPTH} deep in each other")
