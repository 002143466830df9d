"""Which rows of `study_group` count."""

from typing import Literal

from sqlalchemy import ColumnElement, FromClause, exists, or_

from storage import tables as t

ORDERED: Literal["ordered"] = "ordered"
"""Origin of what an order of somebody of some groups gave, while no image of the study is here."""


def counts(membership: FromClause) -> ColumnElement[bool]:
    """What such an order gave ends with the first image, before the rules decide on the study."""
    study = t.study.alias("arrived")
    arrived = exists().where(study.c.study_instance_uid == membership.c.study_instance_uid)
    return or_(membership.c.origin != ORDERED, ~arrived.correlate(membership))
