"""Senders that keep on until everything is answered with success, and remember what was."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from blake3 import blake3
from pydicom.uid import CTImageStorage

from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded
from tests.faults.raw_peer import RawPeer, Rejected

_STUDY, _SERIES, _INSTANCE = (f"2.25.1{n}{'0' * 30}" for n in range(3))
_SIDE = 70  # pixels: 10 KB an instance
_RETRY_S = 0.05


@dataclass(frozen=True)
class Sent:
    sop_instance_uid: str
    data_set: bytes

    @property
    def digest(self) -> str:
        return blake3(self.data_set).hexdigest()


class Batch:
    """Small CT instances of one study, all different, quickly made."""

    def __init__(self, seed: int, *, side: int = _SIDE) -> None:
        self._random = random.Random(seed)
        self.study_instance_uid = self._uid()
        self.series_instance_uids = [self._uid() for _ in range(4)]
        self._pixel_bytes = side * side * 2
        self._template = data_set_bytes(
            encoded(
                ct_instance(
                    size=side,
                    study_instance_uid=_STUDY,
                    series_instance_uid=_SERIES,
                    sop_instance_uid=_INSTANCE,
                )
            )
        )

    def make(self, series: int = 0) -> Sent:
        uid = self._uid()
        header = self._template[: -self._pixel_bytes]
        for mark, value in (
            (_STUDY, self.study_instance_uid),
            (_SERIES, self.series_instance_uids[series]),
            (_INSTANCE, uid),
        ):
            header = header.replace(mark.encode(), value.encode())
        return Sent(uid, header + self._random.randbytes(self._pixel_bytes))

    def _uid(self) -> str:
        return f"2.25.1{self._random.randrange(10**30, 10**31)}"


@dataclass
class Push:
    """Instances over several associations at once; statuses in the order of answers."""

    port: int
    shares: list[list[Sent]]
    acknowledged: dict[str, Sent] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    on_acknowledged: Callable[[Sent], None] = lambda _: None
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._run, args=(s,)) for s in self.shares]
        for thread in self._threads:
            thread.start()

    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not self.is_running(), f"{len(self.acknowledged)} were stored in {limit_s} s"

    def _run(self, share: list[Sent]) -> None:
        waiting = list(reversed(share))
        while waiting and not self.stopped.is_set():
            try:
                with RawPeer(self.port) as peer:
                    peer.associate(calling=b"PUSH")
                    while waiting and not self.stopped.is_set():
                        self._send_one(peer, waiting)
                    peer.release()
            except (OSError, Rejected):
                # The node is down just now: what was not answered is sent again.
                time.sleep(_RETRY_S)

    def _send_one(self, peer: RawPeer, waiting: list[Sent]) -> None:
        one = waiting[-1]
        status = peer.store(one.sop_instance_uid, one.data_set, sop_class_uid=CTImageStorage)
        if status == 0x0000:
            self.acknowledged[one.sop_instance_uid] = waiting.pop()
            self.on_acknowledged(one)
        else:
            self.refused.append(status)
            time.sleep(_RETRY_S)
