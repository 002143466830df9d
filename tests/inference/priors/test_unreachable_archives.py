"""Archives that cannot be reached and workers that are killed: the fetch is tried again."""

from pathlib import Path

import pytest

from dicom_node.archives.ae import AeArchive
from inference.priors.fetch import fetch_due
from inference.priors.search import search_due
from storage.core.clock import utcnow
from tests.inference.orchestration import later
from tests.inference.priors.archives import (
    HEADS,
    arrives,
    as_archive,
    fetches,
    here,
    node,
    rules,
    searches,
    work,
)
from tests.inference.small import study_uid
from tests.services import OrthancServer, free_port


def test_a_source_that_is_away_is_asked_again(tmp_path: Path, server: OrthancServer) -> None:
    away = as_archive(server, port=free_port())
    with node(tmp_path, away, prior_retry_base_s=0.01, prior_max_attempts=50) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        (search,) = searches(storage)
        assert search.state == "PENDING"
        assert "cannot be reached" in search.last_error
        storage.peers.replace(as_archive(server))
        storage.prior_searches.retry(search.search_id)
        work(storage)
        assert len(fetches(storage)) == 2


def test_a_source_that_stays_away_is_given_up_in_sight(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(
        tmp_path, as_archive(server), prior_retry_base_s=1e-6, prior_max_attempts=2
    ) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        storage.peers.replace(as_archive(server, port=free_port()))
        storage.deletions.study(study_uid("2023"))
        storage.prior_searches.retry(searches(storage)[0].search_id)
        for _ in range(3):
            work(storage)
        (search,) = searches(storage)
        assert (search.state, search.attempts) == ("FAILED", 2)
        storage.peers.replace(as_archive(server))
        assert storage.prior_searches.retry_failed() == 1
        work(storage)
        assert study_uid("2023") in here(storage)


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        assert storage.prior_searches.claim_due("killed", 0.0, utcnow()) is not None
        work(storage)
        uids = {one.study_instance_uid for one in fetches(storage)}
        for uid in uids:
            storage.deletions.study(uid)
        storage.prior_searches.retry(searches(storage)[0].search_id)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AeArchive, "fetch", _killed)
            with pytest.raises(KeyboardInterrupt):
                work(storage)
        assert [one.state for one in fetches(storage)].count("RUNNING") == 1
        with pytest.MonkeyPatch.context() as patch:
            # Its lease has ended.
            patch.setattr("inference.priors.fetch.utcnow", lambda: later(3600))
            fetch_due(storage, "another")
        assert here(storage) >= uids
        assert [one.state for one in fetches(storage)] == ["DONE", "DONE"]


def test_a_peer_that_may_not_be_asked_is_not(tmp_path: Path, server: OrthancServer) -> None:
    with node(tmp_path, as_archive(server, is_archive=False)) as storage:
        rules(storage, HEADS + "    from: archive\n")
        arrives(storage)
        work(storage)
        (search,) = searches(storage)
        assert (search.state, search.wanted) == ("PENDING", 0)
        assert "may not be asked" in search.last_error


def test_one_source_is_not_asked_for_more_at_once_than_it_bears(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        search_due(storage, "worker")
        now = utcnow()
        assert storage.prior_fetches.claim_due("one", 30, now, 1) is not None
        assert storage.prior_fetches.claim_due("two", 30, now, 1) is None
        assert storage.prior_fetches.claim_due("two", 30, now, 2) is not None


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
