"""The words of the study list's search are found by an index, where the database has one."""

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from storage import tables as t
from storage.container import Storage
from storage.db.engine import make_engine, reading
from storage.db.migrate import upgrade_schema
from storage.index import study_list
from tests.postgres import PostgresServer
from tests.storage.instances import part10
from tests.storage.plans import plan_of_first

_INDEX = "ix_study_search_text_trigrams"


@pytest.mark.parametrize("word", ["thorax", "P-4711", "schädel", "50%"])
def test_postgresql_reads_no_study_that_has_not_the_word(storage: Storage, word: str) -> None:
    if storage.engine.dialect.name == "sqlite":
        pytest.skip("SQLite reads every study, up to a million instances quickly enough")
    plan = plan_of_first(
        storage.engine, lambda: storage.index.studies(20, 0, word), begins="SELECT count(*)"
    )
    assert _INDEX in plan


@pytest.mark.parametrize(
    ("word", "found"), [("ädel mr", 1), ("adel", 1), ("%", 1), ("_", 0), ("ct", 0), ("胸", 1)]
)
def test_parts_of_words_short_and_foreign_ones_are_found(
    storage: Storage, word: str, found: int
) -> None:
    storage.ingest.accept(
        part10(
            study="a",
            instance="1",
            StudyDescription="Schädel MR 50% 胸部",
            SpecificCharacterSet="ISO_IR 192",
        ),
        "stow",
    )
    storage.ingest.accept(part10(study="b", instance="2", StudyDescription="Thorax"), "stow")
    assert storage.index.studies(20, 0, word)[1] == found


def test_a_database_without_the_extension_is_searched_as_well(
    postgres_server: PostgresServer,
) -> None:
    """An account that may not load it stands for a system that does not have it."""
    url = postgres_server.new_database()
    account = f"owner_{url[-6:]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of the test'").format(sql.Identifier(account))
        )
        connection.execute(
            sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(account))
        )
    _, _, where = url.partition("@")
    engine = make_engine(f"postgresql://{account}:of the test@{where}")
    try:
        upgrade_schema(engine)
        with reading(engine) as connection_:
            names = connection_.execute(text("SELECT extname FROM pg_extension")).scalars().all()
            indexes = connection_.execute(
                text("SELECT indexname FROM pg_indexes WHERE tablename = 'study'")
            ).scalars()
            assert "pg_trgm" not in names
            assert _INDEX not in list(indexes)
            assert connection_.execute(t.study.select()).all() == []
    finally:
        engine.dispose()
        postgres_server.drop(url)
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(account)))


@pytest.mark.parametrize("few", [500, 0])
def test_pages_of_what_was_found_follow_each_other(
    storage: Storage, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_list, "_FEW", few)
    for number in range(7):
        described = "Thorax" if number % 2 else "Thorax p.a."
        storage.ingest.accept(
            part10(study=f"s{number}", instance="1", StudyDescription=described), "stow"
        )
    whole, in_all = storage.index.studies(20, 0, "thorax")
    assert (len(whole), in_all) == (7, 7)
    pages = [storage.index.studies(3, offset, "thorax") for offset in (0, 3, 6, 9)]
    assert [total for _, total in pages] == [7] * 4
    assert [one for page, _ in pages for one in page] == whole
    assert storage.index.studies(20, 0, "thorax p.a.")[1] == 4
