"""Model servers as an operator sets them up and sees them."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.server.checks.model_servers import model_server_checks
from storage.container import Storage
from storage.settings import load_settings
from tests.inference.language.conftest import RIGHT
from tests.inference.language.served import closed_port, summary, with_server
from tests.inference.model_servers.servers import says, serving
from tests.inference.orchestration import storage_in

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """For tests that leave nothing behind."""
    with storage_in(tmp_path_factory.mktemp("served")) as opened:
        yield opened


def test_a_server_is_set_up_as_the_page_says(
    shared: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/pipelines/language-servers.md, with the address and the files of this test."""
    key = tmp_path / "llm.key"
    key.write_text("sk-sesame")
    with serving(says(RIGHT)) as server:
        page = (ROOT / "docs/pipelines/language-servers.md").read_text("utf-8")
        for blocks in ("settings", "models"):
            (block,) = re.findall(rf"```sh {blocks}\n(.*?)```", page, re.DOTALL)
            for line in block.split():
                name, _, value = line.partition("=")
                value = value.replace("https://gpu1.example.org:8000", server.url)
                value = value.replace("/run/secrets/llm.key", str(key))
                if not name.endswith("_CA"):
                    monkeypatch.setenv(name, value)
        settings = load_settings(data_dir=shared.settings.data_dir, free_disk_mark_bytes=0)
        node = dataclasses.replace(shared, settings=settings)
        (check,) = model_server_checks(node.settings, node.circuit_breakers)
        assert (check.state, check.detail) == ("ok", "offers served-7b")
        answer = summary(node)
    assert (answer.text, answer.revision) == (RIGHT, "server llm")
    assert server.asked[-1].headers["Authorization"] == "Bearer sk-sesame"


def test_the_doctor_names_what_is_missing(shared: Storage) -> None:
    with serving(says(RIGHT)) as server:
        node = with_server(shared, server.url, hf_vqa_model="server:llm/other")
        (check,) = model_server_checks(node.settings, node.circuit_breakers)
    assert (check.state, check.detail) == (
        "fail",
        "The model server llm has no model other; it offers served-7b.",
    )
    node = with_server(shared, closed_port())
    (check,) = model_server_checks(node.settings, node.circuit_breakers)
    assert "cannot be reached: Connection refused" in check.detail
