"""For each series and pipeline: accepted, or not and why."""

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.core.entities import Decision
from storage.core.text.outside_text import stored_reason
from storage.db.engine import insert_or_update, reading, writing
from storage.db.row_mapping import to_decision
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event

_KEY = ("study_instance_uid", "series_instance_uid", "pipeline")


class AcceptanceDecisions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, decision: Decision) -> None:
        """Keep the decision in place of an earlier one on the same series and pipeline."""
        values = {name: getattr(decision, name) for name in decision.__dataclass_fields__}
        # It may quote headers, and every list of studies has it.
        values["reason"] = stored_reason(decision.reason)
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.decision).where(
                    t.decision.c.study_instance_uid == decision.study_instance_uid,
                    t.decision.c.series_instance_uid == decision.series_instance_uid,
                    t.decision.c.pipeline == decision.pipeline,
                )
            )
            insert_or_update(connection, t.decision, [values], _KEY)
            add_event(
                connection,
                decision.decided_at,
                "study",
                decision.study_instance_uid,
                payload=StudyEvent(
                    change="decided",
                    series_instance_uid=decision.series_instance_uid,
                    pipeline=decision.pipeline,
                    accepted=decision.accepted,
                ),
            )

    def of_study(self, study_instance_uid: str) -> list[Decision]:
        return self.of_studies([study_instance_uid])[study_instance_uid]

    def of_studies(self, study_instance_uids: list[str]) -> dict[str, list[Decision]]:
        decisions: dict[str, list[Decision]] = {uid: [] for uid in study_instance_uids}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.decision)
                .where(t.decision.c.study_instance_uid.in_(study_instance_uids))
                .order_by(t.decision.c.id)
            )
            for row in rows.mappings():
                decisions[row["study_instance_uid"]].append(to_decision(row))
        return decisions
