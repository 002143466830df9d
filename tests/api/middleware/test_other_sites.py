"""What a page of another site may make a browser do: nothing."""

import pytest

from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem

LOOPBACK_NAMES = ("localhost", "127.0.0.1")


class TestOtherSites:
    """Without sign-in, the browser's word keeps other web sites out."""

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"]
    )
    def test_a_rebound_name_is_refused(self, api: ApiNode, host: str) -> None:
        is_problem(api.client.get("/api/studies", headers={"Host": host}), 403, "foreign_origin")

    def test_a_form_of_another_site_is_refused(self, api: ApiNode) -> None:
        answer = api.client.post(
            "/api/analyze",
            files={"files": b"x"},
            headers={"Origin": "https://evil.example"},
        )
        is_problem(answer, 403, "foreign_origin")

    @pytest.mark.parametrize(
        "origin",
        [
            "http://127.0.0.1:{other}",
            "http://localhost:{other}",
            "http://127.0.0.1",
            "http://127.0.0.1:{port}@evil.example",
            "http://127.0.0.1:no",
            "null",
        ],
    )
    def test_a_page_of_another_port_is_another_site(self, api: ApiNode, origin: str) -> None:
        """Cookies do not tell ports apart, and anybody on a machine may listen at one."""
        port = int(api.url.rpartition(":")[2])
        answer = api.client.post(
            "/api/uploads/presign",
            json={"filename": "a", "size_bytes": 1},
            headers={"Origin": origin.format(port=port, other=port ^ 1)},
        )
        is_problem(answer, 403, "foreign_origin")

    @pytest.mark.parametrize("name", LOOPBACK_NAMES)
    def test_our_own_pages_are_let_in(self, api: ApiNode, name: str) -> None:
        port = api.url.rpartition(":")[2]
        answer = api.client.post(
            "/api/uploads/presign",
            json={"filename": "a", "size_bytes": 1},
            headers={"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"},
        )
        assert answer.status_code == 200

    def test_the_public_name_is_let_in(self, api_settings: Settings) -> None:
        settings = api_settings.model_copy(update={"public_url": "https://pacs.example"})
        with api_node(settings) as api:
            answer = api.client.get("/api/studies", headers={"Host": "pacs.example"})
            assert answer.status_code == 200
            # A proxy may name the node by its own address.
            for origin, status in (("https://pacs.example", 200), ("https://pacs.example:8", 403)):
                answer = api.client.post(
                    "/api/uploads/presign",
                    json={"filename": "a", "size_bytes": 1},
                    headers={"Origin": origin},
                )
                assert answer.status_code == status
