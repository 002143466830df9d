"""Who asks a hundred questions waits for them alone."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import LOCAL, of_account
from storage.core.clock import utcnow
from storage.core.errors import TooManyRequests
from storage.db.engine import writing
from storage.language import repository


def ask(storage: Storage, name: str) -> str:
    asked = storage.answers.ask("deid", {"text": "x"}, version="1", asked_by=of_account(name))
    return asked.job_id


def answer_next(storage: Storage) -> str:
    """As a language worker does: take the first that is due."""
    job_id = storage.answers.due(utcnow(), 8)[0]
    assert storage.jobs.claim(job_id, "worker", 60, utcnow()) is not None
    assert storage.jobs.complete(job_id, "worker", {}, utcnow() + timedelta(milliseconds=1))
    return job_id


def test_a_question_waits_for_one_of_each_other_asker_and_not_for_all(storage: Storage) -> None:
    of_greedy = [ask(storage, "greedy") for _ in range(20)]
    assert answer_next(storage) == of_greedy[0]
    of_patient = [ask(storage, "patient") for _ in range(2)]
    of_third = ask(storage, "third")
    assert [answer_next(storage) for _ in range(6)] == [
        *(of_patient[0], of_third, of_greedy[1], of_patient[1]),
        *of_greedy[2:4],
    ]


def test_questions_that_waited_for_hours_take_turns_as_well(storage: Storage) -> None:
    of_greedy = [ask(storage, "greedy") for _ in range(4)]
    with writing(storage.engine) as connection:
        for table in (t.job, t.answer):
            asked_at = {"created_at": utcnow() - timedelta(hours=3)}
            connection.execute(update(table).values(asked_at))
    of_patient = [ask(storage, "patient") for _ in range(2)]
    assert [answer_next(storage) for _ in range(5)] == [
        *(of_greedy[0], of_patient[0], of_greedy[1], of_patient[1]),
        of_greedy[2],
    ]


def test_so_many_questions_of_one_person_wait_at_most(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_WAITING", 3)
    for _ in range(3):
        ask(storage, "greedy")
    with pytest.raises(TooManyRequests, match="3 questions of yours wait"):
        ask(storage, "greedy")
    ask(storage, "patient")
    answer_next(storage)
    ask(storage, "greedy")


def test_without_sign_in_nobody_is_counted(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_WAITING", 1)
    for _ in range(3):
        storage.answers.ask("deid", {"text": "x"}, version="1", asked_by=LOCAL)
