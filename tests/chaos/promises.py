"""What must hold whenever the node is left alone again; each question goes over the wire."""

import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

import httpx
from blake3 import blake3

from storage.dicom.file_meta import read_file_meta
from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.faults.raw_peer import RawPeer
from tests.patience import PATIENCE_S

_AS_STORED = {"Accept": "application/dicom; transfer-syntax=*"}
_AT_ONCE = 4


class Promises:
    """Counts what was broken; the sentences say what."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self.parts, self.ledger = parts, ledger
        self.broken: list[str] = []
        self.checked = 0
        self.repaired = 0
        self.refused: set[str] = set()

    def check(self, uids: Iterable[str], studies: Collection[str] | None = None) -> None:
        """These instances, and all that else was acknowledged; `studies`: lists only those."""
        ledger = self.ledger
        wanted = [uid for uid in uids if uid not in ledger.deleted | ledger.unsure]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for sentence in pool.map(self._look_at, wanted):
                self.checked += 1
                if sentence:
                    self.broken.append(sentence)
            for sentence in pool.map(self._look_at_deleted, sorted(ledger.deleted)):
                if sentence:
                    self.broken.append(sentence)
        self._count_instances(studies)
        self._look_at_peers()

    def heal_harmed(self) -> None:
        """Everything harmed is named; sent again, it is whole again."""
        harmed = sorted(self.ledger.harmed - self.ledger.deleted - self.ledger.unsure)
        if not harmed:
            return
        part = self.parts.health().get("instances", {})
        # Those that the bucket gives concern nobody.
        if part.get("ok") and self._refused_still(self.refused & set(harmed)):
            self.broken.append("/health says nothing of damaged instances")
        with RawPeer(self.parts.port) as peer:
            peer.associate(calling=b"PACS")
            for uid in harmed:
                one = self.ledger.instances[uid]
                status = peer.store(uid, one.data_set)
                if status:
                    self.broken.append(f"{uid} is not taken again: {status:#06x}")
            peer.release()
        self.ledger.harmed.clear()
        self.refused.clear()
        self.ledger.write("sent_again", uids=harmed)
        for uid in harmed:
            sentence = self._look_at(uid)
            if sentence:
                self.broken.append(f"after it was sent again: {sentence}")
        self.repaired += len(harmed)

    def _refused_still(self, uids: set[str]) -> bool:
        """Housekeeping may have repaired all of them from the bucket since they were refused."""
        self.refused.clear()
        for uid in uids:
            self._look_at(uid)
        return bool(self.refused)

    def _look_at(self, uid: str) -> str:
        try:
            answer = self._get(self.ledger.address(uid))
        except httpx.HTTPError as error:
            return f"{uid}: the answer ends in the middle ({type(error).__name__})"
        if uid in self.ledger.harmed:
            if answer.status_code == 200:
                return "" if self._is_right(uid, answer) else f"{uid}: damaged bytes were given"
            problem = answer.json()
            if answer.status_code == 500 and problem["code"] == "instance_damaged":
                self.refused.add(uid)
                return "" if uid in problem["detail"] else f"{uid}: the problem does not name it"
            return f"{uid}: damaged, and answered {answer.status_code} {problem.get('code')}"
        if answer.status_code != 200:
            return f"{uid}: acknowledged, and answered {answer.status_code}: {answer.text[:200]}"
        return "" if self._is_right(uid, answer) else f"{uid}: changed"

    def _is_right(self, uid: str, answer: httpx.Response) -> bool:
        data_set = answer.content[read_file_meta(answer.content).dataset_offset :]
        return blake3(data_set).hexdigest() == self.ledger.instances[uid].digest

    def _look_at_deleted(self, uid: str) -> str:
        answer = self._get(self.ledger.address(uid))
        return "" if answer.status_code in (404, 410) else f"{uid}: deleted, and there again"

    def _count_instances(self, studies: Collection[str] | None) -> None:
        """Each study has exactly what was acknowledged of it, once."""
        expected: dict[str, set[str]] = {}
        for uid in self.ledger.wanted():
            expected.setdefault(self.ledger.studies[uid].split()[0], set()).add(uid)
        for study, uids in expected.items():
            if studies is not None and study not in studies:
                continue
            found: list[str] = []
            while True:
                answer = self._get(
                    f"/dicom-web/studies/{study}/instances?limit=1000&offset={len(found)}"
                )
                page = [row["00080018"]["Value"][0] for row in answer.json() or []]
                found += page
                if len(page) < 1000:
                    break
            if len(found) != len(set(found)):
                self.broken.append(f"study {study} lists an instance twice")
            if missing := uids - set(found):
                self.broken.append(f"study {study} lacks {len(missing)}, {min(missing)} among them")
            extra = set(found) - uids - self.ledger.unsure
            # Stored although its answer was cut off: it is a duplicate when it is sent again.
            if extra - self.ledger.unanswered:
                self.broken.append(f"study {study} has {len(extra)} that nobody sent")

    def _look_at_peers(self) -> None:
        listed = {one["name"] for one in self._get("/api/peers").json()["items"]}
        if missing := self.ledger.peers - listed:
            self.broken.append(f"{len(missing)} acknowledged peers are gone")

    def _get(self, path: str) -> httpx.Response:
        """Tried again while the node comes back; what it then answers counts."""
        deadline = time.monotonic() + PATIENCE_S
        headers = _AS_STORED if "/instances/" in path else {}
        while True:
            try:
                answer = self.parts.api.get(path, headers=headers)
            except httpx.ConnectError:
                answer = None
            if answer is not None and answer.status_code not in (503, 504):
                return answer
            assert time.monotonic() < deadline, path
            time.sleep(0.2)
