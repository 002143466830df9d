"""Table rows to deliveries."""

from sqlalchemy import RowMapping

from storage.core.entities import Delivery
from storage.db.row_mapping import fields_of


def to_delivery(row: RowMapping) -> Delivery:
    return Delivery(**fields_of(Delivery, row))
