"""What people and machines do meanwhile; each writes down what was acknowledged to it."""

import random
import threading
import time
import uuid

import httpx
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from storage.dicom.file_meta import make_file_meta
from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.faults.pushing import Batch, Push, Sent

_PAUSE_S = 0.05
_STOW_EACH = 2


class Work:
    """Two associations, one STOW client, one administrator, one who deletes now and then."""

    def __init__(
        self, parts: Parts, ledger: Ledger, rng: random.Random, count: int, port: int
    ) -> None:
        """`port`: where senders of DICOM find the receiver."""
        self.parts, self.ledger, self.rng = parts, ledger, rng
        self.batch = Batch(rng.randrange(1 << 32))
        shares = [[self.batch.make(series) for _ in range(count)] for series in range(2)]
        self._series = {
            one.sop_instance_uid: self.batch.series_instance_uids[number]
            for number, share in enumerate(shares)
            for one in share
        }
        ledger.unanswered |= set(self._series)
        self._push = Push(port, shares, on_acknowledged=self._stored)
        self._stow = [self.batch.make(2) for _ in range(max(2, count // 10))]
        ledger.unanswered |= {one.sop_instance_uid for one in self._stow}
        self._threads = [
            threading.Thread(target=work)
            for work in (self._stow_all, self._add_peers, self._delete)
        ]
        self.stopped = threading.Event()

    def start(self) -> None:
        self._push.start()
        for thread in self._threads:
            thread.start()

    def is_running(self) -> bool:
        return self._push.is_running() or any(thread.is_alive() for thread in self._threads)

    def uids(self) -> set[str]:
        return set(self._series) | {one.sop_instance_uid for one in self._stow}

    def end(self) -> None:
        self.stopped.set()
        self._push.stopped.set()
        self._push.join(120)
        for thread in self._threads:
            thread.join(120)

    def _stored(self, one: Sent) -> None:
        series = self._series[one.sop_instance_uid]
        self.ledger.stored(one, self.batch.study_instance_uid, series, "C-STORE")

    def _stow_all(self) -> None:
        waiting = list(self._stow)
        while waiting and not self.stopped.is_set():
            portion = waiting[:_STOW_EACH]
            boundary = uuid.uuid4().hex
            parts = [
                b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n"
                % (boundary.encode(), _part10(one))
                for one in portion
            ]
            kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
            answer = self._ask(
                "POST",
                "/dicom-web/studies",
                content=b"".join(parts) + b"--%s--\r\n" % boundary.encode(),
                headers={"Content-Type": kind, "Accept": "application/dicom+json"},
            )
            if answer is None or answer.status_code != 200:
                time.sleep(_PAUSE_S)
                continue
            for one in portion:
                self.ledger.stored(
                    one, self.batch.study_instance_uid, self.batch.series_instance_uids[2], "STOW"
                )
            waiting = waiting[len(portion) :]

    def _add_peers(self) -> None:
        for _ in range(3):
            name = f"p{self.rng.randrange(1 << 40):x}"
            body = {"name": name, "ae_title": name[:16].upper(), "sources": ["10.0.0.7"]}
            answer = self._ask("POST", "/api/peers", json=body)
            if answer is not None and answer.status_code == 201:
                self.ledger.peer_added(name)
            self.stopped.wait(0.3)

    def _delete(self) -> None:
        """One instance of an earlier round."""
        known = [uid for uid in self.ledger.wanted() if uid not in self.ledger.harmed]
        if not known or self.rng.random() < 0.5:
            return
        uid = self.rng.choice(known)
        self.ledger.deletion(uid, is_answered=False)
        answer = self._ask("DELETE", self.ledger.address(uid))
        if answer is not None and answer.is_success:
            self.ledger.deletion(uid, is_answered=True)

    def _ask(self, method: str, path: str, **options: object) -> httpx.Response | None:
        try:
            return self.parts.api.request(method, path, **options)  # type: ignore[arg-type]
        except httpx.HTTPError:
            return None


def _part10(one: Sent) -> bytes:
    return (
        make_file_meta(CTImageStorage, one.sop_instance_uid, ExplicitVRLittleEndian) + one.data_set
    )
