"""Statements that read rows of series and instances, with the columns of their entities."""

from typing import Any

from sqlalchemy import BindParameter, Select, and_, func, select

from storage import tables as t
from storage.index.study_list import total


def select_series(*conditions: Any) -> Select[Any]:
    """Series rows with the columns of the entity; counts by correlated subqueries.

    What a rejection note hides is left out.
    """
    counted = and_(t.instance.c.series_fk == t.series.c.id, ~t.instance.c.is_rejected)
    return (
        select(
            t.series,
            t.study.c.study_instance_uid,
            select(func.count())
            .where(counted)
            .correlate(t.series)
            .scalar_subquery()
            .label("instance_count"),
            select(total(t.instance.c.size_bytes))
            .where(counted)
            .correlate(t.series)
            .scalar_subquery()
            .label("size_bytes"),
        )
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(*conditions, ~t.series.c.is_rejected)
        .order_by(t.series.c.series_number, t.series.c.id)
    )


def select_instances(*conditions: Any) -> Select[Any]:
    """All but what a rejection note hides."""
    return select_stored_instances(*conditions, ~t.instance.c.is_rejected)


def select_stored_instances(*conditions: Any) -> Select[Any]:
    """All that have bytes here: for what looks after these."""
    return (
        select(
            t.instance,
            t.series.c.series_instance_uid,
            t.study.c.study_instance_uid,
            t.study.c.patient_digest,
        )
        .join(t.series, t.instance.c.series_fk == t.series.c.id)
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(*conditions)
    )


def select_in_order(
    study_instance_uid: str | BindParameter[str],
    series_instance_uid: str | BindParameter[str] | None,
) -> Select[Any]:
    """The instances of a study, or of one series; by series, instance number and UID."""
    conditions = [t.study.c.study_instance_uid == study_instance_uid]
    if series_instance_uid is not None:
        conditions.append(t.series.c.series_instance_uid == series_instance_uid)
    return in_order(select_instances(*conditions))


def in_order(instances: Select[Any]) -> Select[Any]:
    """By series, instance number and UID."""
    return instances.order_by(
        t.series.c.series_number,
        t.series.c.id,
        t.instance.c.instance_number,
        t.instance.c.sop_instance_uid,
    )
