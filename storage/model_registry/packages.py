"""Models that were added, as archives in the object store, from which each host takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.db.row_mapping import fields_of


@dataclass(frozen=True)
class ModelPackage:
    """One folder of a model. `files_sha256` is of its list of digests.

    Of a removed one the row stays, without an archive: hosts remove the folder that it had.
    """

    folder: str
    files_sha256: str
    archive_sha256: str
    size_bytes: int
    added_at: datetime
    added_by: str

    @property
    def is_removed(self) -> bool:
        return not self.archive_sha256

    @property
    def object_key(self) -> str:
        return f"models/{self.archive_sha256}"


class ModelPackages:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[ModelPackage]:
        """By folder."""
        with reading(self._engine) as connection:
            return _all(connection)

    @contextmanager
    def changing(self) -> Iterator["PackageChanges"]:
        """A transaction beside which nobody, on no host, changes which archives are needed.

        Archives leave the store, and rows take those that are there, within it alone: so no row
        names one that another host has just removed. Raises StorageUnavailable.
        """
        with writing(self._engine) as connection:
            if self._engine.dialect.name == "postgresql":
                table = t.model_package.name
                connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            yield PackageChanges(connection)


class PackageChanges:
    """In the transaction of `ModelPackages.changing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[ModelPackage]:
        """By folder."""
        return _all(self._connection)

    def keep(
        self, folder: str, files_sha256: str, archive_sha256: str, size_bytes: int, by: str
    ) -> ModelPackage:
        """Where its object is there; in place of the one before of that folder."""
        package = ModelPackage(folder, files_sha256, archive_sha256, size_bytes, utcnow(), by)
        self._connection.execute(delete(t.model_package).where(t.model_package.c.folder == folder))
        self._connection.execute(insert(t.model_package).values(**vars(package)))
        return package

    def remove(self, folder: str, by: str) -> None:
        """Once its object is gone."""
        self._connection.execute(
            update(t.model_package)
            .where(t.model_package.c.folder == folder)
            .values(archive_sha256="", size_bytes=0, added_at=utcnow(), added_by=by)
        )


def _all(connection: Connection) -> list[ModelPackage]:
    rows = connection.execute(select(t.model_package).order_by(t.model_package.c.folder))
    return [ModelPackage(**fields_of(ModelPackage, row)) for row in rows.mappings()]
