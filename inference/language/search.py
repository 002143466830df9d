"""Find what is written by its words and by what it means.

A passage that names what is looked for is read: whether it states or denies it, and whether its
amounts meet those of the question. Others are found by their meaning alone, as far as that can
tell them from what only sounds alike.

Vectors lie in the database. By default a process that searches keeps them in one matrix, looks
for new ones when their number has changed, and compares every one with the question: one hundred
thousand passages take 150 MB. Where the settings say pgvector, PostgreSQL searches them.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.language.embedding import Vectors, embed
from inference.language.searching.question import Question, read_question
from inference.language.searching.stated import (
    Statement,
    sentence_count,
    stated_by_meaning,
    statement_of,
)
from storage.core.callers.visibility import as_node
from storage.search.passages import FINDING, Passage, Passages
from storage.search.vectors import DIMENSIONS, PassageVectors

MOST_PASSAGES = 100_000
_AT_ONCE = 64
_STORED = np.dtype("<f4")
_LEAST_ALIKE = 0.2
# What is found by its meaning alone is at least so alike. Of a long section the meaning of one
# sentence is a part only.
_ANSWERS, _WHERE_ASKED, _LESS_BY_SENTENCE, _LONG = 0.42, 0.36, 0.03, 0.28
_MOST_READ = 2000
_LESS_BY_WORD = 0.05


@dataclass(frozen=True)
class Hit:
    passage: Passage
    score: float
    """How alike, from 0 to 1: the cosine of the angle between the two meanings, and half way from
    that to 1 where the words stand there."""
    statement: Statement | None = None
    """What its nearest sentence says; None beside a vector."""
    by_words: bool = False


@dataclass(frozen=True)
class Found:
    question: Question
    hits: list[Hit]


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

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def find(self, text: str, limit: int, kinds: Sequence[str]) -> Found:
        """What answers the question, of each report or finding the best passage.

        Passages of one study follow each other. Studies where it is stated stand first, then those
        where it is denied, past or of another; the other way round where the question denies it.
        Raises ModelUnusable.
        """
        question = read_question(text)
        vector = embed([question.meaning])[0]
        hits = list(self._by_words(question, vector, kinds))
        if not question.critical and not question.limits:
            named = {hit.passage.passage_id for hit in hits}
            near = self.near(vector, 4 * limit, kinds)
            others = [one for one in near if one.passage.passage_id not in named]
            hits += _by_meaning(question, others)
        return Found(question, _arranged(question, hits, limit))

    def _by_words(self, question: Question, vector: Vectors, kinds: Sequence[str]) -> Iterator[Hit]:
        patterns = question.patterns()
        if not patterns:
            return
        for passage, stored in self._passages.containing(patterns, kinds, _MOST_READ):
            statement = statement_of(question, passage.text)
            if statement is None:
                continue
            alike = float(np.frombuffer(stored, _STORED) @ vector) if stored else 0.0
            score = 0.5 + min(max(alike, 0.0), 1.0) / 2 - _LESS_BY_WORD * statement.lacks
            yield Hit(passage, max(score, 0.0), statement, by_words=True)

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


def _by_meaning(question: Question, near: Sequence[Hit]) -> Iterator[Hit]:
    named = any(one.is_named for one in question.terms)
    for hit in near:
        # A measurement is no sign of what it does not name.
        if named and hit.passage.kind == FINDING:
            continue
        statement = stated_by_meaning(question, hit.passage.text)
        more = sentence_count(hit.passage.text) - 1
        least = max((_WHERE_ASKED if named else _ANSWERS) - _LESS_BY_SENTENCE * more, _LONG)
        if statement is not None and hit.score >= least:
            yield replace(hit, statement=statement)


def _arranged(question: Question, hits: Sequence[Hit], limit: int) -> list[Hit]:
    def rank(hit: Hit) -> tuple[bool, float]:
        stated = hit.statement is None or hit.statement.is_stated
        return stated is question.denies, -hit.score

    best: dict[tuple[str, str], Hit] = {}
    for hit in sorted(hits, key=rank):
        best.setdefault((hit.passage.kind, hit.passage.subject_id), hit)
    by_study: dict[str, list[Hit]] = {}
    for hit in list(best.values())[:limit]:
        by_study.setdefault(hit.passage.study_instance_uid, []).append(hit)
    return [hit for some in by_study.values() for hit in some]


class DatabaseIndex(SearchIndex):
    """PostgreSQL's index: approximate, shared by all processes, and for any number of passages."""

    def __init__(self, passages: Passages, vectors: PassageVectors) -> None:
        super().__init__(passages)
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
        super().__init__(passages)
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
