"""How many bytes PostgreSQL needs for an instance: 1,000,000 in 20,000 studies, indexes included.

    python -m benchmarks.rows

Rows of instances, series, studies and patients alone: no events, jobs or audit trail.
"""

import tempfile
from pathlib import Path

from sqlalchemy import text

from benchmarks.support.million import INSTANCES, fill
from storage.db.engine import make_engine
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.postgres import postgres


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-rows-") as folder, postgres() as server:
        settings = Settings(data_dir=Path(folder), database_url=server.new_database())
        upgrade(settings)
        engine = make_engine(settings.resolved_database_url)
        size = text("SELECT pg_database_size(current_database())")
        with engine.connect() as connection:
            before = connection.execute(size).scalar_one()
        fill(engine)
        with engine.connect() as connection:
            added = connection.execute(size).scalar_one() - before
        engine.dispose()
    print(
        f"{INSTANCES:,} instances: {added / 1e6:,.0f} MB, {added / INSTANCES:,.0f} bytes for each"
    )


if __name__ == "__main__":
    main()
