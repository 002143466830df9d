"""Versions of the site's rules: none is changed or removed once it was saved."""

import difflib
import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, RowMapping, func, select

from storage import tables as t
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page

COMMENT_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class RuleVersion:
    """`number` rises by one with each; `digest` is the SHA-256 of the text in UTF-8."""

    number: int
    text: str
    digest: str
    comment: str
    author: str
    author_id: str
    """The identity behind the name; empty for an operator, or where the file was edited."""
    saved_at: datetime


NEWEST_RULE_VERSIONS = Keyset[RuleVersion](
    "versions of the rules", (SortColumn.of(t.rule_version.c.number, falls=True),)
)


class RuleVersions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest_digest(self) -> str:
        """Of the version in force; empty where none was ever saved."""
        statement = select(t.rule_version.c.digest).order_by(*NEWEST_RULE_VERSIONS.order()).limit(1)
        with reading(self._engine) as connection:
            return str(connection.execute(statement).scalar() or "")

    def newest(self) -> RuleVersion | None:
        statement = select(t.rule_version).order_by(*NEWEST_RULE_VERSIONS.order()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
            return None if row is None else _to_version(row)

    def knows(self, digest: str) -> bool:
        """Whether a version has exactly that text."""
        statement = select(t.rule_version.c.number).where(t.rule_version.c.digest == digest)
        with reading(self._engine) as connection:
            return connection.execute(statement.limit(1)).first() is not None

    def version(self, number: int) -> RuleVersion:
        """Raises NotFound."""
        statement = select(t.rule_version).where(t.rule_version.c.number == number)
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
        if row is None:
            raise NotFound(
                f"There is no version {number} of the rules.",
                remedy="`mediview rules history` and GET /api/rules/versions list them.",
            )
        return _to_version(row)

    def page(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[RuleVersion], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_RULE_VERSIONS`).
        """
        statement = select(t.rule_version).order_by(*NEWEST_RULE_VERSIONS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_to_version(row) for row in rows], total

    def changes(self, version: RuleVersion) -> str:
        """What became otherwise since the version before, as a unified diff."""
        number = version.number
        lines = difflib.unified_diff(
            (self.version(number - 1).text if number > 1 else "").splitlines(),
            version.text.splitlines(),
            f"version {number - 1}",
            f"version {number}",
            lineterm="",
        )
        return "\n".join(lines)

    def save(
        self,
        text: str,
        after: int,
        now: datetime,
        *,
        author: str,
        author_id: str = "",
        comment: str = "",
    ) -> RuleVersion:
        """The version that follows `after`, which is 0 where there is none yet.

        Raises StateConflict where somebody else saved one meanwhile.
        """
        saved = RuleVersion(after + 1, text, digest_of(text), comment, author, author_id, now)
        newest = select(func.max(t.rule_version.c.number))
        with writing(self._engine) as connection:
            values = {name: getattr(saved, name) for name in saved.__dataclass_fields__}
            at = int(connection.execute(newest).scalar() or 0)
            # Of two at once the number lets one through.
            if at == after and insert_or_ignore(connection, t.rule_version, values):
                return saved
        raise StateConflict(
            f"The rules were changed since version {after}.",
            remedy="Load the newest version, and make the change there.",
        )


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _to_version(row: RowMapping) -> RuleVersion:
    return RuleVersion(**row)
