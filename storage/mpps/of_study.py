"""Which performed procedure steps made a study, as far as they named its series."""

from sqlalchemy import Engine, select

from storage import tables as t
from storage.db.engine import reading

_STEP = "mpps:"


def steps_of(engine: Engine, study_instance_uid: str) -> list[str]:
    """SOP Instance UIDs. Raises StorageUnavailable."""
    expectation = t.expectation.c
    query = (
        select(expectation.announced_by)
        .where(
            expectation.study_instance_uid == study_instance_uid,
            expectation.announced_by.startswith(_STEP, autoescape=True),
        )
        .distinct()
        .order_by(expectation.announced_by)
    )
    with reading(engine) as connection:
        return [one.removeprefix(_STEP) for one in connection.execute(query).scalars()]
