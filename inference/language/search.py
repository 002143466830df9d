"""Find what is written by what it means: the passages nearest to the question.

Vectors lie in the database. By default a process that searches keeps them in one matrix, looks
for new ones when their number has changed, and compares every one with the question: one hundred
thousand passages take 150 MB. Where the settings say pgvector, PostgreSQL searches them.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.language.embedding import Vectors, embed
from storage.core.callers.visibility import as_node
from storage.search.passages import Passage, Passages
from storage.search.vectors import DIMENSIONS, PassageVectors

MOST_PASSAGES = 100_000
_AT_ONCE = 64
_STORED = np.dtype("<f4")
_LEAST_ALIKE = 0.2


@dataclass(frozen=True)
class Hit:
    passage: Passage
    score: float
    """How alike, from 0 to 1: the cosine of the angle between the two meanings."""


def embed_waiting(passages: Passages) -> bool:
    """Make the vectors of some passages that wait for them; whether there were any."""
    waiting = passages.waiting(_AT_ONCE)
    if not waiting:
        return False
    vectors = embed([one.text for one in waiting])
    passages.set_vectors(
        {
            one.passage_id: vector.astype(_STORED).tobytes()
            for one, vector in zip(waiting, vectors, strict=True)
        }
    )
    return True


class SearchIndex(ABC):
    """What searches all passages of one node. Safe for threads."""

    def find(self, question: str, limit: int, kinds: Sequence[str]) -> list[Hit]:
        """The passages nearest to the question, the nearest first. Raises ModelUnusable."""
        return self.near(embed([question])[0], limit, kinds)

    @abstractmethod
    def near(
        self, vector: Vectors, limit: int, kinds: Sequence[str], other_than: str = ""
    ) -> list[Hit]:
        """The same to a vector; passages of the study `other_than` are left out."""


def open_index(passages: Passages) -> SearchIndex:
    """The one that the settings name."""
    if passages.in_database:
        return DatabaseIndex(passages, passages.in_database)
    return MemoryIndex(passages)


class DatabaseIndex(SearchIndex):
    """PostgreSQL's index: approximate, shared by all processes, and for any number of passages."""

    def __init__(self, passages: Passages, vectors: PassageVectors) -> None:
        self._passages = passages
        self._vectors = vectors

    def near(
        self, vector: Vectors, limit: int, kinds: Sequence[str], other_than: str = ""
    ) -> list[Hit]:
        scores = self._vectors.nearest(vector.tolist(), limit, kinds, other_than)
        passages = self._passages.get(list(scores))
        return [
            Hit(passages[passage_id], min(score, 1.0))
            for passage_id, score in scores.items()
            if passage_id in passages and score >= _LEAST_ALIKE
        ]


class MemoryIndex(SearchIndex):
    """All vectors in this process, compared one by one: exact, up to the newest 100,000."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._lock = threading.Lock()
        self._state = (-1, -1)
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, DIMENSIONS), np.float32)

    def near(
        self, vector: Vectors, limit: int, kinds: Sequence[str], other_than: str = ""
    ) -> list[Hit]:
        ids, vectors = self._current()
        scores = vectors @ vector
        order = np.argsort(-scores)
        hits: list[Hit] = []
        # By portions: what was deleted meanwhile, or is of another kind, makes room for more.
        portion = max(4 * limit, 50)
        for start in range(0, len(order), portion):
            some = list(order[start : start + portion])
            if scores[some[0]] < _LEAST_ALIKE:
                break
            passages = self._passages.get([int(ids[index]) for index in some])
            for index in some:
                passage = passages.get(int(ids[index]))
                if (
                    passage is None
                    or passage.kind not in kinds
                    or passage.study_instance_uid == other_than
                    or scores[index] < _LEAST_ALIKE
                ):
                    continue
                hits.append(Hit(passage, min(float(scores[index]), 1.0)))
                if len(hits) == limit:
                    return hits
        return hits

    def _current(self) -> tuple[NDArray[np.int64], Vectors]:
        # One matrix for all who search; `near` takes from it what each may see.
        with self._lock, as_node():
            state = self._passages.state()
            if state != self._state:
                self._read(min(state[0], MOST_PASSAGES))
                self._state = state
            return self._ids, self._vectors

    def _read(self, count: int) -> None:
        """Into arrays of the right size: twice the vectors would be much memory."""
        ids = np.empty(count, np.int64)
        vectors = np.empty((count, DIMENSIONS), np.float32)
        read = 0
        for passage_id, vector in self._passages.vectors(count):
            ids[read] = passage_id
            vectors[read] = np.frombuffer(vector, _STORED)
            read += 1
        # Some may have gone since they were counted.
        self._ids, self._vectors = ids[:read], vectors[:read]
