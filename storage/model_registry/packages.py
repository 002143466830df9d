"""Models that were added, as archives in the object store, from which each host takes them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select, update

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
        query = select(t.model_package).order_by(t.model_package.c.folder)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings()
            return [ModelPackage(**fields_of(ModelPackage, row)) for row in rows]

    def keep(
        self, folder: str, files_sha256: str, archive_sha256: str, size_bytes: int, by: str
    ) -> ModelPackage:
        """Once its object is there; in place of the one before of that folder."""
        package = ModelPackage(folder, files_sha256, archive_sha256, size_bytes, utcnow(), by)
        with writing(self._engine) as connection:
            connection.execute(delete(t.model_package).where(t.model_package.c.folder == folder))
            connection.execute(insert(t.model_package).values(**vars(package)))
        return package

    def remove(self, folder: str, by: str) -> None:
        """Once its object is gone."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.model_package)
                .where(t.model_package.c.folder == folder)
                .values(archive_sha256="", size_bytes=0, added_at=utcnow(), added_by=by)
            )
