"""Lists of words that patterns look for, as the data files give them."""

import re
from functools import cache
from importlib import resources

import yaml

_MOST_FORMS = 250
_LONGEST = 120


def any_of(file: str, name: str) -> str:
    """A pattern of the forms that data/FILE.yaml lists as NAME: each a regular expression.

    Raises ValueError where one is empty, too long, stands there twice or has groups of its own,
    which would shift those of the pattern that it becomes part of.
    """
    forms = _lists(file)[name]
    where = f"{file}.yaml, {name}"
    if not 1 <= len(forms) <= _MOST_FORMS:
        raise ValueError(f"{where} has {len(forms)} forms; 1 to {_MOST_FORMS} are allowed.")
    if len(set(forms)) < len(forms):
        raise ValueError(f"{where} lists a form twice.")
    for form in forms:
        if not isinstance(form, str) or len(form) > _LONGEST:
            raise ValueError(f"{where}: {form!r} is no text of at most {_LONGEST} characters.")
        try:
            compiled = re.compile(form)
        except re.error as error:
            raise ValueError(f"{where}: {form!r} is no regular expression: {error}.") from error
        if compiled.groups or compiled.match(""):
            raise ValueError(f"{where}: {form!r} matches nothing at all or has a group.")
    return f"(?:{'|'.join(forms)})"


@cache
def _lists(file: str) -> dict[str, list[str]]:
    path = resources.files(__package__) / "data" / f"{file}.yaml"
    lists: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return lists
