"""What can be found by its meaning: sentences of reports, and findings, each with a vector.

Rows are written with what they are about, in the same transaction, and wait there until a
worker has made their vectors: the row is the queue.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, or_, select, update

from storage import tables as t
from storage.core.findings import Finding
from storage.core.text.rounding import rounded, shown_decimals
from storage.db.engine import reading, writing
from storage.search.vectors import PassageVectors, add_vectors

REPORT = "report"
FINDING = "finding"
_AT_A_TIME = 2000


@dataclass(frozen=True)
class Passage:
    passage_id: int
    kind: str
    subject_id: str
    """Of the report or the finding."""
    study_instance_uid: str
    text: str


def note_report(
    connection: Connection, report_id: str, study_instance_uid: str, texts: Sequence[str]
) -> None:
    """Have each section of a report found, in place of its previous texts."""
    _note(connection, REPORT, report_id, study_instance_uid, texts)


_PRINTED_UNITS = {
    "[hnsf'U]": "HU",
    "cm3": "cm³",
    "mm3": "mm³",
    "cm2": "cm²",
    "mm2": "mm²",
    "{pixels}2": "px²",
}
"""UCUM codes that nobody reads as they are written."""


def note_findings(connection: Connection, findings: Iterable[Finding]) -> None:
    for finding in findings:
        _note(
            connection,
            FINDING,
            finding.finding_id,
            finding.study_instance_uid,
            [finding_text(finding)],
        )


def finding_text(finding: Finding) -> str:
    """A finding in words: its name, and the value with its unit or the confidence."""
    if finding.value is None:
        return f"{finding.label}."
    ucum = finding.unit.value if finding.unit else "1"
    unit = f" {_PRINTED_UNITS.get(ucum, ucum)}" if ucum != "1" else ""
    number = f"{rounded(finding.value, shown_decimals(finding.value, ucum))}"
    value = f"{number}{unit}"
    if finding.validity is not None and finding.is_truncated:
        return f"{finding.label}: truncated. {finding.validity.reason} Part imaged: {value}."
    if finding.validity is not None and finding.is_implausible:
        return f"{finding.label}: not plausible. {finding.validity.reason} Stated: {value}."
    return " ".join((f"{finding.label}: {value}.", *finding.caveat_texts))


def forget(connection: Connection, kind: str, subject_ids: Sequence[str]) -> None:
    connection.execute(
        delete(t.passage).where(t.passage.c.kind == kind, t.passage.c.subject_id.in_(subject_ids))
    )


def _note(
    connection: Connection, kind: str, subject_id: str, study_uid: str, texts: Sequence[str]
) -> None:
    forget(connection, kind, [subject_id])
    rows = [
        {
            "kind": kind,
            "subject_id": subject_id,
            "number": number,
            "study_instance_uid": study_uid,
            "text": text,
            "vector": None,
            "waits": True,
        }
        for number, text in enumerate(texts)
    ]
    if rows:
        connection.execute(insert(t.passage), rows)


class Passages:
    def __init__(self, engine: Engine, in_database: PassageVectors | None = None) -> None:
        self._engine = engine
        self.in_database = in_database
        """Searches them, where the settings leave that to the database."""

    def are_waiting(self) -> bool:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.passage.c.passage_id).where(t.passage.c.waits).limit(1)
            )
            return found.first() is not None

    def waiting_count(self) -> int:
        with reading(self._engine) as connection:
            return int(
                connection.execute(
                    select(func.count()).select_from(t.passage).where(t.passage.c.waits)
                ).scalar_one()
            )

    def waiting(self, limit: int) -> list[Passage]:
        """Those without a vector, the newest first: they are looked for soonest."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                _COLUMNS.where(t.passage.c.waits)
                .order_by(t.passage.c.passage_id.desc())
                .limit(limit)
            )
            return [Passage(**row) for row in rows.mappings()]

    def set_vectors(self, vectors: dict[int, bytes]) -> None:
        with writing(self._engine) as connection:
            kept = {}
            for passage_id, vector in vectors.items():
                changed = connection.execute(
                    update(t.passage)
                    .where(t.passage.c.passage_id == passage_id)
                    .values(vector=vector, waits=False)
                )
                # It may have been deleted meanwhile.
                if changed.rowcount:
                    kept[passage_id] = vector
            if self.in_database and kept:
                add_vectors(connection, kept)

    def vectors(self, limit: int) -> Iterator[tuple[int, bytes]]:
        """The newest passages' vectors, read some at a time: together they are large."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.passage.c.passage_id, t.passage.c.vector)
                .where(t.passage.c.vector.is_not(None))
                .order_by(t.passage.c.passage_id.desc())
                .limit(limit)
                .execution_options(yield_per=_AT_A_TIME)
            )
            for row in rows:
                yield row.passage_id, bytes(row.vector)

    def state(self) -> tuple[int, int]:
        """Changes whenever a vector came or went: how many there are, and the newest."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(func.count(), func.max(t.passage.c.passage_id)).where(
                    t.passage.c.waits.is_(False)
                )
            ).one()
            return int(row[0]), int(row[1] or 0)

    def get(self, passage_ids: Sequence[int]) -> dict[int, Passage]:
        with reading(self._engine) as connection:
            rows = connection.execute(_COLUMNS.where(t.passage.c.passage_id.in_(passage_ids)))
            return {row["passage_id"]: Passage(**row) for row in rows.mappings()}

    def containing(
        self, words: Sequence[Collection[str]], kinds: Sequence[str], limit: int
    ) -> list[tuple[Passage, bytes | None]]:
        """The newest passages in which of each set a word stands, also within a longer one.

        Each has its vector, if it was made. Letters count whatever their case; a word's umlauts
        and the letters that Britain and America write differently may be any.
        """
        conditions = [
            or_(*(t.passage.c.text.ilike(_pattern(word), escape="\\") for word in sorted(some)))
            for some in words
        ]
        with reading(self._engine) as connection:
            rows = connection.execute(
                _COLUMNS.add_columns(t.passage.c.vector)
                .where(t.passage.c.kind.in_(kinds), *conditions)
                .order_by(t.passage.c.passage_id.desc())
                .limit(limit)
            )
            return [_with_vector(row) for row in rows.mappings()]

    def of_subject(self, kind: str, subject_id: str) -> list[tuple[Passage, bytes | None]]:
        """The passages of one report or finding, each with its vector if it has one."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                _COLUMNS.add_columns(t.passage.c.vector)
                .where(t.passage.c.kind == kind, t.passage.c.subject_id == subject_id)
                .order_by(t.passage.c.number)
            )
            return [_with_vector(row) for row in rows.mappings()]


# Umlauts, and what is written differently in Britain and America: haem, tumour, fibre, grey.
_UNSURE = re.compile(
    r"[^\x00-\x7f]|ae|oe|ue|ss|(?<=[hn])e(?=m)|(?<=o)(?=r$)|(?<=[bt])er$|(?<=gr)a(?=y)"
    r"|(?<=li)z|(?<=art)i(?=fact)|(?<=n)(?=ea)"
)
_SINGULAR = re.compile(r"(?<=\w{4})(?:is|us|um|y)$")


def _pattern(word: str) -> str:
    escaped = re.sub(r"([%_\\])", r"\\\1", _SINGULAR.sub("", word))
    return f"%{_UNSURE.sub('%', escaped)}%"


def _with_vector(row: RowMapping) -> tuple[Passage, bytes | None]:
    values = dict(row)
    vector = values.pop("vector")
    return Passage(**values), bytes(vector) if vector else None


_COLUMNS = select(
    t.passage.c.passage_id,
    t.passage.c.kind,
    t.passage.c.subject_id,
    t.passage.c.study_instance_uid,
    t.passage.c.text,
)
