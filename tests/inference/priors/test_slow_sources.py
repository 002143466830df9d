"""An archive that lets each question wait in vain."""

from pathlib import Path

import httpx
import pytest

from dicom_node.archives import http_archive
from inference.priors import slow_sources
from tests.inference.orchestration import receive
from tests.inference.priors.archives import (
    HEADS,
    as_web_archive,
    complete,
    node,
    rules,
    searches,
    work,
)
from tests.inference.small import mr_series
from tests.patience import PATIENCE_S
from tests.trickling import trickling


def test_a_source_that_trickles_is_asked_once_a_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_archive, "_TIMEOUT", httpx.Timeout(PATIENCE_S, read=0.6))
    monkeypatch.setattr(slow_sources, "_SLOW_S", 0.3)
    with trickling() as server:
        web = as_web_archive(f"{server.url}/dicom-web")
        hosts = server.url.split("/")[2]
        with node(tmp_path, web, stow_hosts=hosts) as storage:
            rules(storage, HEADS)
            for name in ("now", "then", "before"):
                receive(storage, mr_series(name, 4))
            complete(storage)
            work(storage)
            assert len(server.callers) == 1
            found = searches(storage)
            assert [one.state for one in found] == ["PENDING"] * 3
            (error,) = {one.last_error for one in found if one.last_error}
            assert "it did not answer in time" in error
            work(storage)
            assert len(server.callers) == 2
