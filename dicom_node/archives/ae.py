"""An archive that speaks DIMSE: C-FIND for what it has, C-GET or else C-MOVE to get it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import structlog
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_node.archives.archive import (
    SERIES_KEYWORDS,
    STUDY_KEYWORDS,
    Fetched,
    Found,
    FoundStudies,
    Progress,
)
from dicom_node.archives.get_receiver import GetReceiver
from dicom_node.archives.move_receiver import MoveReceiver
from dicom_node.archives.receiving import Receiving
from dicom_node.archives.studies import distinct_studies
from dicom_node.association.base import NodeAssociation
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.peers import Peer, PeerFailed
from dicom_node.query.scu import find
from dicom_node.retrieve.scu import get, move
from storage.dicom.value_errors import UNREADABLE
from storage.settings import Settings

log = structlog.get_logger(__name__)

_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=15.0, dimse_s=60.0, idle_s=30.0)
# What lies on tape comes late.
_FETCHING = replace(_TIMEOUTS, dimse_s=300.0, idle_s=300.0)
_MOST_SERIES = 1000


class AeArchive:
    def __init__(
        self,
        peer: Peer,
        settings: Settings,
        *,
        may_move: bool = True,
        receiver: MoveReceiver | None = None,
    ) -> None:
        """`may_move`: the study may also go to the node's receiver, which is to run then, or to
        `receiver`, an import's own."""
        self._peer = peer
        self._calling = settings.ae_title
        self._max_instance_bytes = settings.max_instance_bytes
        self._may_move = may_move
        self._receiver = receiver

    def __str__(self) -> str:
        return str(self._peer)

    def studies(self, keys: Mapping[str, str], at_most: int) -> FoundStudies:
        answers = find(
            self._peer, self._calling, _query("STUDY", STUDY_KEYWORDS, keys), at_most, _TIMEOUTS
        )
        return FoundStudies(distinct_studies(map(_found, answers.identifiers)), answers.is_complete)

    def series(self, study_instance_uid: str) -> Sequence[Found]:
        query = _query("SERIES", SERIES_KEYWORDS, {"StudyInstanceUID": study_instance_uid})
        answers = find(self._peer, self._calling, query, _MOST_SERIES, _TIMEOUTS)
        return [_found(one) for one in answers.identifiers]

    def fetch(
        self, study_instance_uid: str, receiving: Receiving, on_progress: Progress
    ) -> Fetched:
        def receiver(association: NodeAssociation) -> GetReceiver:
            return GetReceiver(association, receiving, self._max_instance_bytes)

        fetched: Fetched | None = None
        refused_before = len(receiving.counts.refused)
        try:
            got = get(
                self._peer, self._calling, study_instance_uid, receiver, on_progress, _FETCHING
            )
            # The archive counts what is refused here as failed.
            refused = len(receiving.counts.refused) - refused_before
            fetched = Fetched("C-GET", got.completed, max(0, got.failed - refused))
            if not (fetched.failed and self._may_move):
                return fetched
            # Mostly in a transfer syntax that C-GET left no room for.
            log.info(
                "fetched_in_part", study_instance_uid=study_instance_uid, failed=fetched.failed
            )
        except PeerFailed:
            # It lacks C-GET, or breaks it off where one instance is not taken.
            if not self._may_move:
                raise
        try:
            return self._moved(study_instance_uid, receiving, on_progress)
        except PeerFailed:
            if fetched is None:
                raise
            return fetched

    def _moved(
        self, study_instance_uid: str, receiving: Receiving, on_progress: Progress
    ) -> Fetched:
        receiver = self._receiver
        within: AbstractContextManager[None]
        if receiver is None:
            destination, within = self._calling, nullcontext()
        else:
            destination, within = receiver.ae_title, receiver.into(receiving)
        refused_before = len(receiving.counts.refused)
        with within:
            moved = move(
                self._peer, self._calling, study_instance_uid, destination, on_progress, _FETCHING
            )
        refused = len(receiving.counts.refused) - refused_before
        return Fetched("C-MOVE", moved.completed, max(0, moved.failed - refused))

    def close(self) -> None:
        """Each question has an association of its own."""


def _query(level: str, keywords: Sequence[str], keys: Mapping[str, str]) -> Dataset:
    query = Dataset()
    if not all(value.isascii() for value in keys.values()):
        query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = level
    for keyword in keywords:
        setattr(query, keyword, None)
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query


def _found(identifier: Dataset) -> Found:
    values = {}
    for keyword in (*STUDY_KEYWORDS, *SERIES_KEYWORDS):
        try:
            value = identifier.get(keyword)
            texts = list(value) if isinstance(value, MultiValue) else [value]
            stated = tuple(text for one in texts if one is not None and (text := str(one).strip()))
        except UNREADABLE:
            # What one peer states wrongly of one study is as good as not stated.
            continue
        if stated:
            values[keyword] = stated
    return Found(values)
