"""Who may add to a study over HTTP: who sees it, and who began it.

A program that sends for others need not belong to the group that gets the study. C-STORE comes
from modalities, which are not asked: `storage.core.callers.visibility` is set for no C-STORE.
"""

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.callers.visibility import Visibility
from storage.core.errors import NotPermitted
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.study_memberships import counts


class StudySenders:
    """To be called as the node (`as_node`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, visibility: Visibility, study_instance_uid: str) -> bool:
        """Whether the study is not here yet, so that the caller begins it.

        One that no rule has decided on yet takes what anybody sends, as the sender's own second
        instance may be. Raises NotPermitted for one of other groups that somebody else began.
        """
        study, groups, sender = t.study.c, t.study_group.c, t.study_sender.c
        with reading(self._engine) as connection:
            known = select(study.id).where(study.study_instance_uid == study_instance_uid)
            if connection.execute(known).first() is None:
                return True
            of_study = groups.study_instance_uid == study_instance_uid
            counting = select(groups.group_id).where(of_study, counts(t.study_group))
            decided = set(connection.scalars(counting))
            if not decided or not decided.isdisjoint(visibility.group_ids):
                return False
            begun_by = connection.scalar(
                select(sender.identity_id).where(sender.study_instance_uid == study_instance_uid)
            )
        if begun_by != visibility.identity_id:
            raise NotPermitted(
                "You may not add to the study that the instance names.",
                remedy="Check its Study Instance UID, or ask an administrator for access to it.",
            )
        return False

    def note(self, visibility: Visibility, study_instance_uid: str) -> None:
        """The caller sent its first instance; of several at one time, the first that says so."""
        row = {"study_instance_uid": study_instance_uid, "identity_id": visibility.identity_id}
        with writing(self._engine) as connection:
            insert_or_ignore(connection, t.study_sender, row)
