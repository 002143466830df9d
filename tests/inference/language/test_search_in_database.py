"""Search by PostgreSQL's extension pgvector: turned on late, with many vectors, and without it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from sqlalchemy import delete, insert, select, text

from inference.language.search import DatabaseIndex, MemoryIndex, open_index
from storage import tables as t
from storage.access_groups.decisions import Decision
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.errors import StorageUnavailable
from storage.db.engine import reading, writing
from storage.search.passages import FINDING, REPORT
from storage.search.vectors import DIMENSIONS, PassageVectors
from storage.settings import load_settings
from tests.inference.language.test_search import TEXTS, found, make_vectors, put_report
from tests.inference.orchestration import storage_in, wait_for
from tests.postgres import PostgresServer

MANY = 1500


@pytest.fixture
def database_url(vector_server: PostgresServer) -> str:
    return vector_server.migrated_database()


@pytest.fixture
def storage(tmp_path: Path, database_url: str) -> Iterator[Storage]:
    with storage_in(tmp_path, database_url=database_url, passage_search="pgvector") as opened:
        yield opened


def put_vectors(storage: Storage, vectors: np.ndarray) -> None:
    """One passage a vector; every tenth is a finding, and they are of seven studies."""
    rows = [
        {
            "kind": REPORT if number % 10 else FINDING,
            "subject_id": str(number),
            "number": 0,
            "study_instance_uid": f"2.25.{number % 7}",
            "text": f"Passage {number}.",
            "vector": None,
            "waits": True,
        }
        for number in range(len(vectors))
    ]
    with writing(storage.engine) as connection:
        connection.execute(insert(t.passage), rows)
        ids = connection.scalars(select(t.passage.c.passage_id).order_by(t.passage.c.passage_id))
        named = dict(zip(ids, (vector.astype("<f4").tobytes() for vector in vectors), strict=True))
    storage.passages.set_vectors(named)


def unit_vectors(count: int, seed: int) -> np.ndarray:
    """In clumps, as the sentences of reports are: most have near neighbours."""
    random = np.random.default_rng(seed)
    clumps = random.normal(size=(40, DIMENSIONS))
    vectors = clumps[random.integers(0, 40, count)] + 0.6 * random.normal(size=(count, DIMENSIONS))
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def stored(storage: Storage) -> int:
    with reading(storage.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM passage_vector")) or 0)


def uses_of_index(storage: Storage) -> int:
    """As PostgreSQL counts them, somewhat later than they happen."""
    query = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name"
    with reading(storage.engine) as connection:
        return int(connection.scalar(text(query), {"name": "ix_passage_vector_vector"}) or 0)


def test_what_was_embedded_before_is_found_once_it_is_turned_on(
    tmp_path: Path, database_url: str
) -> None:
    with storage_in(tmp_path, database_url=database_url) as before:
        report_id = put_report(before, 100, TEXTS[0])
        make_vectors(before)
        assert isinstance(open_index(before.passages), MemoryIndex)
    with storage_in(tmp_path, database_url=database_url, passage_search="pgvector") as storage:
        index = open_index(storage.passages)
        assert isinstance(index, DatabaseIndex)
        assert found(index, "fluid around the lung") == [report_id]
    # Turned off, used, and on again.
    with storage_in(tmp_path, database_url=database_url) as between:
        put_report(between, 100, TEXTS[1])
        make_vectors(between)
    with storage_in(tmp_path, database_url=database_url, passage_search="pgvector") as storage:
        assert found(open_index(storage.passages), "broken rib") == [report_id]
        assert found(open_index(storage.passages), "fluid around the lung") == []


@pytest.mark.slow
def test_its_index_finds_what_comparing_all_of_them_finds(storage: Storage) -> None:
    vectors = unit_vectors(MANY, seed=1)
    put_vectors(storage, vectors)
    exact, index = MemoryIndex(storage.passages), open_index(storage.passages)
    with writing(storage.engine) as connection:
        connection.execute(text("ANALYZE passage, passage_vector"))
    hits = 0
    for question in unit_vectors(40, seed=1)[:20]:
        expected = exact.near(question, 10, [REPORT, FINDING])
        named = index.near(question, 10, [REPORT, FINDING])
        scores = [hit.score for hit in named]
        assert scores == sorted(scores, reverse=True)
        of_all = {hit.passage.passage_id: hit.score for hit in expected}
        common = [hit for hit in named if hit.passage.passage_id in of_all]
        assert [hit.score for hit in common] == pytest.approx(
            [of_all[hit.passage.passage_id] for hit in common], abs=1e-5
        )
        hits += len(common)
    assert hits >= 0.95 * 200
    # The server adds up what its statistics were told, when it comes to it.
    wait_for(lambda: uses_of_index(storage) >= 20, "the index to be used for each question")


@pytest.mark.slow
def test_a_rare_kind_and_a_study_left_out_still_fill_the_answer(storage: Storage) -> None:
    vectors = unit_vectors(MANY, seed=2)
    put_vectors(storage, vectors)
    # Beyond the nearest two hundred, of which few are findings.
    question = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
    expected, named = (
        index.near(question, 30, [FINDING], other_than="2.25.3")
        for index in (MemoryIndex(storage.passages), open_index(storage.passages))
    )
    assert len(named) == len(expected) >= 10
    assert {hit.passage.kind for hit in named} == {FINDING}
    assert "2.25.3" not in {hit.passage.study_instance_uid for hit in named}


@pytest.fixture
def north(storage: Storage) -> int:
    """The number of an access group that has two of the seven studies."""
    storage.access_groups.add("North")
    group_id = storage.access_groups.get("North").group_id
    rules_version = storage.access_decisions.rules_version()
    for study in ("2.25.1", "2.25.4"):
        storage.access_decisions.decide_on_order(study, Decision(rules_version, (group_id,)))
    return group_id


def test_a_viewer_finds_passages_of_its_access_groups_alone(storage: Storage, north: int) -> None:
    """As many as there are, although most of the nearest are of studies that it does not see."""
    vectors = unit_vectors(MANY // 3, seed=6)
    put_vectors(storage, vectors)
    # Beyond the nearest two hundred, of which most are of other studies.
    question = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
    visibility = Visibility("account:ada", (EVERYONE, north), sees_unmatched=True)
    with limited_to(visibility):
        expected, named = (
            index.near(question, 100, [REPORT, FINDING])
            for index in (MemoryIndex(storage.passages), open_index(storage.passages))
        )
        without_one = open_index(storage.passages).near(question, 100, [REPORT, FINDING], "2.25.1")
    assert len(named) == len(expected) >= 10
    assert {hit.passage.study_instance_uid for hit in named} == {"2.25.1", "2.25.4"}
    assert {hit.passage.study_instance_uid for hit in without_one} == {"2.25.4"}
    of_all = {hit.passage.passage_id: hit.score for hit in expected}
    common = [hit for hit in named if hit.passage.passage_id in of_all]
    assert len(common) >= 0.9 * len(named), "the index is approximate"
    assert [hit.score for hit in common] == pytest.approx(
        [of_all[hit.passage.passage_id] for hit in common], abs=1e-5
    )


@pytest.mark.parametrize("group_ids", [(), (EVERYONE,)])
def test_a_viewer_of_no_group_finds_nothing(
    storage: Storage, north: int, group_ids: tuple[int, ...]
) -> None:
    vectors = unit_vectors(50, seed=7)
    put_vectors(storage, vectors)
    assert north not in group_ids
    with limited_to(Visibility("account:eve", group_ids, sees_unmatched=False)):
        assert open_index(storage.passages).near(vectors[0], 10, [REPORT, FINDING]) == []


@pytest.mark.slow
def test_a_passage_that_is_gone_before_its_vector_comes_leaves_none(storage: Storage) -> None:
    put_report(storage, 100, TEXTS[0])
    put_report(storage, 101, TEXTS[1])
    waiting = storage.passages.waiting(10)
    with writing(storage.engine) as connection:
        connection.execute(delete(t.passage).where(t.passage.c.passage_id == waiting[0].passage_id))
    vector = unit_vectors(1, seed=4)[0].tobytes()
    storage.passages.set_vectors({one.passage_id: vector for one in waiting})
    assert stored(storage) == len(waiting) - 1 == 1
    assert storage.passages.state()[0] == 1


def test_a_database_that_is_not_prepared_says_how(tmp_path: Path, database_url: str) -> None:
    from storage.container import open_storage

    settings = load_settings(
        data_dir=tmp_path, database_url=database_url, passage_search="pgvector"
    )
    with pytest.raises(StorageUnavailable) as refused, open_storage(settings):
        pass
    assert "mediview migrate" in (refused.value.remedy or "")


@pytest.mark.slow
def test_a_database_without_the_extension_says_how_to_get_it(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.migrated_database()
    with psycopg.connect(url) as connection:
        offered = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
    if offered:
        pytest.skip("This machine's PostgreSQL has pgvector.")
    settings = load_settings(data_dir=tmp_path, database_url=url, passage_search="pgvector")
    from tests.migrated import upgrade

    with pytest.raises(StorageUnavailable, match="cannot load") as refused:
        upgrade(settings)
    assert "MEDIVIEW_PASSAGE_SEARCH=memory" in (refused.value.remedy or "")


def test_sqlite_has_no_such_extension(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="passage_search is pgvector"):
        load_settings(data_dir=tmp_path, passage_search="pgvector")


def test_preparing_twice_at_once_is_one_preparation(storage: Storage) -> None:
    from concurrent.futures import ThreadPoolExecutor

    put_vectors(storage, unit_vectors(50, seed=5))
    with writing(storage.engine) as connection:
        connection.execute(text("DROP TABLE passage_vector"))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(PassageVectors(storage.engine).prepare) for _ in range(4)]:
            done.result()
    assert stored(storage) == 50
