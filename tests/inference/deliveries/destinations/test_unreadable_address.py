"""A destination whose stored address cannot be read holds up no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from tests.inference.deliveries.destinations.nodes import (
    FOLDER,
    deliveries,
    node,
    stow,
    with_results,
)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("stow", "https://archive:99999/x"),
        ("stow", "https://[::1/x"),
        ("stow", "https://archive:b/"),
        ("sftp", "sftp://user@archive:b/in"),
        ("sftp", "sftp://user@[::1/in"),
        ("bucket", "s3+https://[::1/bucket"),
    ],
)
def test_an_address_that_cannot_be_read_holds_up_no_other(
    tmp_path: Path, kind: str, url: str
) -> None:
    with node(tmp_path, FOLDER, export_dir=tmp_path / "export") as storage:
        # As an earlier release, which checked less, may have stored it.
        storage.peers.add(replace(stow(url), kind=kind, token="secret"))
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        states = {one.destination: one.state for one in deliveries(storage)}
        assert states == {FOLDER.name: "CONFIRMED", "archive": "PENDING"}
        assert all(one.last_error for one in deliveries(storage) if one.destination == "archive")
