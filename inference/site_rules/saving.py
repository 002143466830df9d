"""The rules file and its versions: what is saved reaches the file of every host, and a file that
was edited becomes a version.

Every process reads the file (`inference.rules.file`). Without a saved version it stays as it is,
and where a setting names it, nothing here touches it.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from inference.pipelines.checks.rules import check_pipelines
from inference.rules.file import MAX_BYTES, rules_in
from inference.rules.rule_set import RuleSet
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, StateConflict
from storage.rules.repository import RuleVersion, RuleVersions, digest_of
from storage.settings import Settings
from storage.volumes.durable_names import write_whole
from storage.volumes.files import translated_os_errors

log = structlog.get_logger(__name__)

_EDITED = "rules.yaml"
"""The author of a version that somebody wrote into the file."""
_WRITTEN = ".rules-written"
"""Digests of what the node itself wrote into the file of this host, the newest last."""
_ASIDE = "rules.yaml.replaced"
"""What stood in the file of a host and was no version, when a version took its place."""
_REMEDY = "Correct the rules at these lines."


@dataclass(frozen=True)
class RulesText:
    """The rules in force, as text."""

    text: str
    digest: str
    """What `based_on` is of the next saving."""
    version: int
    """0: no version was ever saved."""
    file: str
    is_read_only: bool
    """A setting names the file: it is changed where the site keeps it."""


def checked_rules(settings: Settings, text: str) -> RuleSet:
    """Raises InvalidRequest naming each wrong line, or a pipeline that does not exist."""
    if len(text.encode()) > MAX_BYTES:
        raise InvalidRequest("The rules are larger than 1 MiB.", remedy="Use fewer rules.")
    rules = rules_in(text, "rules", _REMEDY)
    check_pipelines(settings, rules)
    return rules


def rules_text(settings: Settings, versions: RuleVersions) -> RulesText:
    """What an editor begins with. Raises InvalidRequest where the file cannot be read."""
    path = settings.resolved_rules_file
    newest = None if settings.rules_file is not None else versions.newest()
    text = _read(path)
    if newest is not None and _state(path, text, newest) != "edited":
        text = newest.text
    text = text or ""
    number = 0 if newest is None else newest.number
    return RulesText(text, digest_of(text), number, path.name, settings.rules_file is not None)


def save_rules(
    settings: Settings,
    versions: RuleVersions,
    text: str,
    based_on: str,
    *,
    author: str,
    author_id: str = "",
    comment: str = "",
) -> RuleVersion:
    """Put rules in force, here at once and on every other host within half a minute.

    `based_on` is the digest of the text that was changed. Raises InvalidRequest where they are
    wrong, StateConflict where the file or the rules were changed meanwhile, or a setting names
    the file.
    """
    if settings.rules_file is not None:
        raise StateConflict(
            f"The rules stand in {settings.rules_file}, which MEDIVIEW_RULES_FILE names.",
            remedy="Change that file, or unset MEDIVIEW_RULES_FILE and save the rules here.",
        )
    checked_rules(settings, text)
    if not text.strip():
        raise InvalidRequest(
            "The text is empty, which would take every rule out of force.",
            remedy="Write 'version: 1' where there are to be none.",
        )
    path = settings.resolved_rules_file
    with _alone(path):
        _bring_up_to_date(settings, versions, adopts=True)
        newest, there = versions.newest(), _read(path)
        if newest is not None and _state(path, there, newest) == "edited":
            raise StateConflict(
                f"{path.name} in the data folder was edited, and has mistakes.",
                remedy="Correct it (`mediview rules check`), or remove it; then save again.",
            )
        if based_on != digest_of(newest.text if newest is not None else there or ""):
            raise StateConflict(
                "The rules were changed by somebody else meanwhile.",
                remedy="Load the rules again, and make the change there.",
            )
        if newest is None and there is not None:
            # What stood there before can be gone back to.
            newest = versions.save(there, 0, utcnow(), author=_EDITED)
        after = 0 if newest is None else newest.number
        saved = versions.save(
            text, after, utcnow(), author=author, author_id=author_id, comment=comment
        )
        _write(path, saved)
    log.info("rules_saved", version=saved.number)
    return saved


def follow_saved_rules(settings: Settings, versions: RuleVersions, *, adopts: bool) -> None:
    """Bring the file of this host up to the newest version, or make one of what was edited there.

    `adopts`: whether this process may save versions. A file with mistakes becomes none.
    """
    if settings.rules_file is not None:
        return
    digest = versions.newest_digest()
    path = settings.resolved_rules_file
    if not digest or (_digest_in(path) == digest and _written(path) == [digest]):
        return
    with _alone(path):
        _bring_up_to_date(settings, versions, adopts=adopts)


def _bring_up_to_date(settings: Settings, versions: RuleVersions, *, adopts: bool) -> None:
    path = settings.resolved_rules_file
    newest, text = versions.newest(), _read(path)
    if newest is None:
        return
    state = _state(path, text, newest)
    if text is not None and state == "edited":
        if adopts:
            _adopt(settings, versions, text, newest)
        return
    if text is not None and state == "strange" and not versions.knows(digest_of(text)):
        with translated_os_errors(path.parent):
            write_whole(path.with_name(_ASIDE), text.encode())
        log.warning("rules_replaced", file=_ASIDE, version=newest.number)
    _write(path, newest)


def _adopt(settings: Settings, versions: RuleVersions, text: str, newest: RuleVersion) -> None:
    try:
        checked_rules(settings, text)
    except InvalidRequest:
        # Who reads it logs that; the file waits for who edited it.
        return
    saved = versions.save(text, newest.number, utcnow(), author=_EDITED)
    _note_written(settings.resolved_rules_file, [saved.digest])
    log.info("rules_adopted", version=saved.number)


def _state(
    path: Path, text: str | None, newest: RuleVersion
) -> Literal["followed", "edited", "strange"]:
    """Who wrote what stands in the file.

    `edited`: somebody, after this host had the newest version. `strange`: somebody else, or
    before it had: an edit of what no longer counts, a file from before, or from a backup.
    """
    if text is None:
        return "followed"
    digest, written = digest_of(text), _written(path)
    if digest == newest.digest or digest in written:
        return "followed"
    return "edited" if written[-1:] == [newest.digest] else "strange"


def _write(path: Path, version: RuleVersion) -> None:
    with translated_os_errors(path.parent):
        if _digest_in(path) != version.digest:
            # Both, so that a process that ends in between has edited nothing.
            _note_written(path, [*_written(path)[-1:], version.digest])
            write_whole(path, version.text.encode())
            log.info("rules_followed", version=version.number)
        _note_written(path, [version.digest])


def _digest_in(path: Path) -> str:
    text = _read(path)
    return "" if text is None else digest_of(text)


def _read(path: Path) -> str | None:
    """None where there is no file. Raises InvalidRequest."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequest(f"{path} is larger than 1 MiB.", remedy="Use fewer rules.")
        # As it stands, line ends included: its digest is compared.
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {type(error).__name__}.",
            remedy="Correct the file; `mediview rules check FILE` says whether it is right.",
        ) from error


def _written(path: Path) -> list[str]:
    try:
        digests = json.loads(path.with_name(_WRITTEN).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [str(one) for one in digests] if isinstance(digests, list) else []


def _note_written(path: Path, digests: list[str]) -> None:
    write_whole(path.with_name(_WRITTEN), json.dumps(digests).encode())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process of a host at a time."""
    with translated_os_errors(path.parent):
        file = path.with_name(f"{_WRITTEN}.lock").open("wb")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
