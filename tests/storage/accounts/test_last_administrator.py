"""Two administrators who take each other's role away in the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, update

from storage import tables as t
from storage.accounts.repository import Accounts
from storage.core.errors import InvalidRequest
from storage.db.engine import writing
from tests.patience import PATIENCE_S
from tests.storage.deadlock import wait_for_waiting


def test_one_administrator_is_left_where_two_processes_take_one_each(
    postgres_engine: Engine,
) -> None:
    accounts = Accounts(postgres_engine, 12)
    for name in ("one", "two"):
        accounts.add(name, "a long enough password", ["admin"])
    with ThreadPoolExecutor(1) as pool:
        with writing(postgres_engine) as other:
            other.execute(
                update(t.account).where(t.account.c.name == "one").values(roles=["viewer"])
            )
            taken = pool.submit(accounts.set_roles, "two", ["viewer"])
            wait_for_waiting(other, 1)
        with pytest.raises(InvalidRequest, match="Nobody would be left"):
            taken.result(PATIENCE_S)
    assert accounts.has_admin()
