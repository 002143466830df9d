"""Certificates and keys of model servers."""

from pathlib import Path

import pytest

from inference.model_servers.chat import models_of
from inference.model_servers.endpoint import Endpoint, endpoint_of
from inference.refusals import ModelServerFailed, ModelUnusable
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority
from tests.inference.model_servers.servers import says, serving


def endpoint(url: str, **settings: object) -> Endpoint:
    return endpoint_of(load_settings(model_servers=f"llm={url}/v1", **settings), "llm")


def test_the_authority_of_the_site_counts_and_no_other(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    with serving(says(""), ours.issue("server")) as server:
        offered = models_of(endpoint(server.url, model_server_ca=ours.certificate))
        assert offered == ["served-7b"]
        for ca in (other.certificate, None):
            with pytest.raises(ModelServerFailed, match="its certificate is not accepted"):
                models_of(endpoint(server.url, model_server_ca=ca))


def test_a_certificate_of_another_host_is_not_accepted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        serving(says(""), authority.issue("server", "127.0.0.2")) as server,
        pytest.raises(ModelServerFailed, match="its certificate is not accepted"),
    ):
        models_of(endpoint(server.url, model_server_ca=authority.certificate))
    assert server.asked == []


def test_what_is_no_authority_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(ModelUnusable, match="MEDIVIEW_MODEL_SERVER_CA"):
        models_of(endpoint("https://127.0.0.1:1", model_server_ca=file))


@pytest.mark.parametrize(
    "content", [None, b"", b"two words", b"line\nline", b"\xff", b"x" * 20_000]
)
def test_a_key_that_cannot_be_one_is_not_sent(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with serving(says("")) as server:
        with pytest.raises(ModelUnusable, match="cannot be read from") as refusal:
            models_of(endpoint(server.url, model_server_keys=f"llm={file}"))
        assert server.asked == []
    assert "words" not in refusal.value.message
