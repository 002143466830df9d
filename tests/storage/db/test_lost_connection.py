"""Connections that lie ready and are lost: that is found out before they are used."""

import os
import signal
import threading

import pytest
from sqlalchemy import text

from storage.db.engine import make_engine, reading
from tests.postgres import PostgresServer

_SENT_S = 0.3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may stop a process of the database's user")
def test_one_that_is_lost_while_it_is_tried_is_replaced(postgres_server: PostgresServer) -> None:
    """The server is silent, and then the socket has an error and nothing to read: as where the
    packets of a host are lost, and its system gives the connection up."""
    engine = make_engine(postgres_server.new_database())
    try:
        with reading(engine) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            number, silent = driver.fileno(), driver.info.backend_pid
        os.kill(silent, signal.SIGSTOP)
        losing = threading.Timer(_SENT_S, _break, (number,))
        losing.start()
        try:
            with reading(engine) as connection:
                assert connection.execute(text("SELECT 1")).scalar() == 1
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            assert pid != silent
        finally:
            losing.join()
            os.kill(silent, signal.SIGCONT)
    finally:
        engine.dispose()


def _break(number: int) -> None:
    """A pipe nobody reads in the place of the socket: poll(2) says POLLERR alone."""
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    os.dup2(writing_end, number)
    os.close(writing_end)
