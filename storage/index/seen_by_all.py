"""Whether everybody who sees one study sees another, as conditions of a statement.

Both are rows that name a study: of studies, or of what is scheduled.
"""

from sqlalchemy import ColumnElement, FromClause, and_, exists, or_

from storage import tables as t
from storage.core.callers.visibility import EVERYONE
from storage.db.study_memberships import counts


def seen_by_all_of(this: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether everybody who sees this study sees the other: what is of it enters results.

    Without access groups everybody does. Where they are enforced, and no rule has decided on this
    study yet, nobody knows.
    """
    return or_(~_is_enforced(), and_(_has_group(this), ~_is_kept_apart(this, other)))


def is_seen_by_all_of_study(other: FromClause, study_instance_uid: str) -> ColumnElement[bool]:
    """Whether everybody who sees that study, which need not be here yet, sees the other."""
    of_study = t.study.c.study_instance_uid == study_instance_uid
    among = exists().where(of_study, seen_by_all_of(t.study, other)).correlate(other)
    return or_(~_is_enforced(), among)


def is_kept_from(this: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether both have groups, and some of this study's may not see the other."""
    return and_(_is_enforced(), _has_group(other), _is_kept_apart(this, other))


def _has_group(study: FromClause) -> ColumnElement[bool]:
    return exists().where(_is_group_of(t.study_group.alias("any"), study)).correlate(study)


def _is_kept_apart(this: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether some group of this study may not see the other."""
    mine = t.study_group.alias("mine")
    shared = _is_shared(mine, other)
    return exists().where(_is_group_of(mine, this), ~shared).correlate(this, other)


def _is_group_of(group: FromClause, study: FromClause) -> ColumnElement[bool]:
    return and_(
        group.c.study_instance_uid == study.c.study_instance_uid,
        group.c.origin != "emergency",
        counts(group),
    )


def _is_enforced() -> ColumnElement[bool]:
    return exists().where(t.access_state.c.is_enforced)


def _is_shared(mine: FromClause, other: FromClause) -> ColumnElement[bool]:
    theirs = t.study_group.alias("theirs")
    return (
        exists()
        .where(_is_group_of(theirs, other), theirs.c.group_id.in_([mine.c.group_id, EVERYONE]))
        .correlate(mine, other)
    )
