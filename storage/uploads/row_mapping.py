"""Table rows to uploads."""

from sqlalchemy import RowMapping

from storage.core.entities import Upload
from storage.db.row_mapping import fields_of


def to_upload(row: RowMapping) -> Upload:
    return Upload(**fields_of(Upload, row))
