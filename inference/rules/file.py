"""The rules file: read with the line of each mistake, and read again when it changes."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inference.rules.rule_set import RuleSet
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.bounded_yaml import load_bounded_yaml
from storage.settings import Settings

log = structlog.get_logger(__name__)

MAX_BYTES = 1024 * 1024
_NAMED_ERRORS = 50
_REMEDY = "Correct the file; `mediview rules check FILE` says whether it is right."


def read_rules(path: Path) -> RuleSet:
    """The rules in a YAML file. Raises InvalidRequest naming each wrong line."""
    try:
        if path.exists() and not path.is_file():
            # A device is never read to its end.
            raise InvalidRequest(f"{path} is not a file.", remedy=_REMEDY)
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequest(f"{path} is larger than 1 MiB.", remedy=_REMEDY)
        text = path.read_text("utf-8")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", remedy=_REMEDY) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{path} is not YAML: it is not UTF-8 text.", remedy=_REMEDY
        ) from error
    return rules_in(text, str(path), _REMEDY)


def rules_in(text: str, name: str, remedy: str) -> RuleSet:
    """The rules in YAML text of at most 1 MiB, called `name` in what is raised.

    Raises InvalidRequest naming each wrong line.
    """
    try:
        data = load_bounded_yaml(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "it is not UTF-8 text"
        raise InvalidRequest(f"{where} is not YAML: {problem}.", remedy=remedy) from error
    try:
        return RuleSet.model_validate({} if data is None else data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        named = errors[:_NAMED_ERRORS]
        lines = [f"{name}:{_line_of(node, one['loc'])}: {_message(one)}" for one in named]
        if len(errors) > len(named):
            lines.append(f"{name}: and {len(errors) - len(named)} mistakes more.")
        raise InvalidRequest("\n".join(lines), remedy=remedy) from error


def _line_of(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    """The line, from 1, of the deepest part of a location that the file holds."""
    line = 1
    for key in location:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            node = _member(node, key) or node
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key] if key < len(node.value) else None
        if node is not None:
            line = node.start_mark.line + 1
    return line


def _member(node: yaml.MappingNode, key: Any) -> yaml.Node | None:
    for name, value in node.value:
        if name.value == str(key):
            return value if isinstance(value, yaml.CollectionNode) else name
    return None


def _message(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return f"'{error['loc'][-1]}' is not an entry that can stand here."
    if error["type"] == "missing":
        return f"'{error['loc'][-1]}' is missing."
    return error["msg"].removeprefix("Value error, ").rstrip(".") + "."


@dataclass(frozen=True)
class _Read:
    stamp: tuple[int, int]
    rules: RuleSet


_EMPTY = RuleSet()
_lock = threading.Lock()
_read: dict[Path, _Read] = {}
_refused: dict[Path, tuple[int, int]] = {}
_missing_since: dict[Path, float] = {}
_REPLACED_WITHIN_S = 10.0


def _rules_without_file(path: Path, settings: Settings) -> RuleSet:
    """Those of before: for good where a setting names the file, else while it may be replaced."""
    known = _read.get(path)
    if known is None:
        return _EMPTY
    since = _missing_since.setdefault(path, time.monotonic())
    if settings.rules_file is not None or time.monotonic() - since < _REPLACED_WITHIN_S:
        return known.rules
    del _read[path]
    log.warning("rules_removed")
    return _EMPTY


def current_rules(settings: Settings) -> RuleSet:
    """The rules in force. A file that went wrong is logged once; what was read last stays.

    Raises InvalidRequest where the file is wrong and nothing was read before.
    """
    path = settings.resolved_rules_file
    with _lock:
        try:
            status = path.stat()
        except OSError:
            if settings.rules_file is not None and path not in _read:
                raise InvalidRequest(
                    f"The rules file {path} does not exist.",
                    remedy="Create it, or unset MEDIVIEW_RULES_FILE.",
                ) from None
            return _rules_without_file(path, settings)
        _missing_since.pop(path, None)
        stamp = status.st_mtime_ns, status.st_size
        known = _read.get(path)
        if known is not None and known.stamp == stamp:
            return known.rules
        if known is not None and _refused.get(path) == stamp:
            return known.rules
        try:
            rules = read_rules(path)
        except InvalidRequest as error:
            if known is None:
                raise
            _refused[path] = stamp
            log.error("rules_refused", detail=error.message)
            return known.rules
        _read[path] = _Read(stamp, rules)
        log.info("rules_read", rules=len(rules.rules))
        return rules
