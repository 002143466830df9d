"""The list of studies as people read it: newest first, searched by typed words, page by page."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, func, or_, select

from storage import tables as t
from storage.core.entities import Study
from storage.core.text.text_folding import folded, with_caret
from storage.db.engine import among
from storage.db.select_by_ids import ById
from storage.index.row_mapping import to_study
from storage.patient_identity.links import has_links

_MOST_LINKED_WORDS = 8
_FEW = 500
"""Studies with the words that were typed, which are sorted here."""
_OF_STUDY = and_(t.series.c.study_fk == t.study.c.id, ~t.series.c.is_rejected)
_INSTANCES = t.instance.join(
    t.series, and_(t.instance.c.series_fk == t.series.c.id, ~t.instance.c.is_rejected)
)


def total(column: ColumnElement[int]) -> ColumnElement[int]:
    """A sum as a whole number; PostgreSQL's own of BIGINT is a decimal."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _of_study(what: ColumnElement[int], tables: Any) -> ColumnElement[int]:
    """Summed up for the studies of the page alone, from indexes that hold all it takes."""
    return select(what).select_from(tables).where(_OF_STUDY).correlate(t.study).scalar_subquery()


_COLUMNS = (
    t.patient.c.patient_id,
    t.patient.c.issuer_of_patient_id,
    *t.study.c,
    t.study.c.id.label("study_fk"),
    _of_study(func.count(), t.series).label("series_count"),
    _of_study(func.count(), _INSTANCES).label("instance_count"),
    _of_study(total(t.instance.c.size_bytes), _INSTANCES).label("size_bytes"),
)


def read_studies(connection: Connection, condition: ColumnElement[bool]) -> list[Study]:
    """Studies with what is counted of them, the newest first."""
    rows = (
        connection.execute(
            select(*_COLUMNS)
            .join_from(t.study, t.patient, t.study.c.patient_fk == t.patient.c.id)
            .where(condition)
            .order_by(t.study.c.received_at.desc(), t.study.c.id.desc())
        )
        .mappings()
        .all()
    )
    modalities = modalities_of(connection, {row["study_fk"] for row in rows})
    return [to_study(row, tuple(modalities[row["study_fk"]])) for row in rows]


def list_studies(
    connection: Connection,
    limit: int,
    offset: int,
    text: str = "",
    where: Sequence[ColumnElement[bool]] = (),
    order: Sequence[ColumnElement[Any]] = (),
    beyond: ColumnElement[bool] | None = None,
) -> tuple[list[Study], int]:
    """See `Index.studies`. `where` and `order` are over the tables of studies and patients."""
    conditions = [*_typed(connection, text), *where]
    count, page = select(func.count()), select(t.study.c.id, t.study.c.study_instance_uid)
    patients = t.study.c.patient_fk == t.patient.c.id
    if where or order or beyond is not None:
        page = page.join_from(t.study, t.patient, patients)
    # Words are looked for in the studies alone: counting takes no patient, however it is ordered.
    count = count.join_from(t.study, t.patient, patients) if where else count.select_from(t.study)
    in_all = int(connection.execute(count.where(*conditions)).scalar_one())
    page = page.where(*conditions, *(() if beyond is None else (beyond,))).order_by(
        *order, t.study.c.received_at.desc(), t.study.c.study_instance_uid.desc()
    )
    if text and in_all <= _FEW:
        # With a limit PostgreSQL looks for words among the newest studies, one by one.
        rows = connection.execute(page).all()[offset : offset + limit]
    else:
        rows = connection.execute(page.limit(limit).offset(offset)).all()
    found = read_studies(
        connection, among(connection, t.study.c.id, [study_id for study_id, _ in rows])
    )
    place = {uid: at for at, (_, uid) in enumerate(rows)}
    return sorted(found, key=lambda study: place[study.study_instance_uid]), in_all


def modalities_of(connection: Connection, study_ids: set[int]) -> dict[int, list[str]]:
    """The modalities of each study, in their alphabet's order."""
    found: dict[int, list[str]] = {study_id: [] for study_id in study_ids}
    for study_id, modality in _MODALITIES.rows(connection, study_ids):
        found[study_id].append(modality)
    return found


_MODALITIES = ById(
    t.series.c.study_fk,
    lambda of_ids: (
        select(t.series.c.study_fk, t.series.c.modality)
        .where(of_ids, t.series.c.modality != "", ~t.series.c.is_rejected)
        .distinct()
        .order_by(t.series.c.study_fk, t.series.c.modality)
    ),
)


def _typed(connection: Connection, text: str) -> list[ColumnElement[bool]]:
    """Each word stands anywhere in what the study is searched by, or begins its date, or is an ID
    that is linked to the patient's."""
    conditions: list[ColumnElement[bool]] = []
    linked = {
        folded(word): word
        for word in text.split()[:_MOST_LINKED_WORDS]
        if has_links(connection, word)
    }
    for word in folded(text).split():
        pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        anywhere: ColumnElement[bool] = or_(
            *(t.study.c.search_text.like(f"%{one}%", escape="\\") for one in with_caret(pattern))
        )
        if word.isdecimal():
            date = and_(t.study.c.study_date != "", t.study.c.study_date.like(f"{pattern}%"))
            anywhere = or_(anywhere, date)
        if word in linked:
            anywhere = or_(anywhere, _is_linked_with(linked[word]))
        conditions.append(anywhere)
    return conditions


def _is_linked_with(patient_id: str) -> ColumnElement[bool]:
    named = t.study.alias("named")
    return t.study.c.person_fk.in_(
        select(named.c.person_fk)
        .join(t.patient, t.patient.c.id == named.c.patient_fk)
        .where(t.patient.c.patient_id == patient_id)
    )
