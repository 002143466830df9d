"""What a peer that is not known may add to: no series of others that has results.

A late instance reopens its series, and takes the results of before out of use.
"""

import threading
from collections import OrderedDict

from sqlalchemy import Engine, and_, exists, or_, select

from storage import tables as t
from storage.core.errors import NotPermitted
from storage.core.sources import DIMSE
from storage.db.engine import reading
from storage.dicom.part10 import Header
from storage.peers.repository import Peers

_MOST_REMEMBERED = 2_000


class Strangers:
    def __init__(self, engine: Engine, peers: Peers) -> None:
        self._engine = engine
        self._peers = peers
        self._senders: OrderedDict[tuple[str, str, str], bool] = OrderedDict()
        """Who may go on with which series, the one that began last at the end."""
        self._lock = threading.Lock()

    def check(self, header: Header, calling_ae_title: str) -> None:
        """Of an instance that an unknown peer sends. Raises NotPermitted.

        Who sent some of the series may send more, and so may anybody where all of it came from
        unknown peers: under such a title, anybody may call.
        """
        key = (header.study_instance_uid, header.series_instance_uid, calling_ae_title)
        if key in self._senders:
            return
        if self._may_go_on(header, calling_ae_title):
            with self._lock:
                self._senders[key] = True
                if len(self._senders) > _MOST_REMEMBERED:
                    self._senders.popitem(last=False)

    def _may_go_on(self, header: Header, calling_ae_title: str) -> bool:
        """Whether with further instances, too. Raises NotPermitted."""
        uids = header.study_instance_uid, header.series_instance_uid
        series = and_(
            t.study.c.study_instance_uid == uids[0], t.series.c.series_instance_uid == uids[1]
        )
        sources = (
            select(t.instance.c.source)
            .join(t.series, t.series.c.id == t.instance.c.series_fk)
            .join(t.study, t.study.c.id == t.series.c.study_fk)
            .where(series)
            .distinct()
        )
        counts = and_(t.job.c.state == "COMPLETED", t.job.c.ending == "")
        own = select(t.job.c.job_id).where(
            t.job.c.study_instance_uid == uids[0], t.job.c.series_instance_uid == uids[1], counts
        )
        of_several = (
            select(t.job.c.job_id)
            .join(t.job_input, t.job_input.c.job_id == t.job.c.job_id)
            .where(t.job_input.c.series_instance_uid == uids[1], counts)
        )
        here = t.instance.c.sop_instance_uid == header.sop_instance_uid
        with reading(self._engine) as connection:
            if not connection.execute(select(or_(exists(own), exists(of_several)))).scalar():
                return True
            found = set(connection.execute(sources).scalars())
            is_here = connection.execute(select(exists().where(here))).scalar()
        if f"{DIMSE}{calling_ae_title}" in found or not any(map(self._is_trusted, found)):
            return True
        if is_here:
            return False  # the same again, or another content, which a person decides on
        raise NotPermitted(
            "The series came from others and has results: a peer that is not known adds nothing"
            " to it.",
            remedy="Add the sender to the known peers, if it is one, and send the instance again.",
        )

    def _is_trusted(self, source: str) -> bool:
        return not source.startswith(DIMSE) or bool(
            self._peers.by_ae_title(source.removeprefix(DIMSE))
        )
