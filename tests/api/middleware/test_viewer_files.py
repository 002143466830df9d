"""The viewer's files: which are given, with which headers."""

import base64
import gzip
import hashlib
import os
from pathlib import Path

import httpx

from storage.settings import Settings, load_settings
from tests.api.client import api_node, is_problem
from tests.migrated import upgrade
from tests.services import free_port


class TestViewer:
    def test_an_unbuilt_viewer_is_explained(self, api_settings: Settings, tmp_path: Path) -> None:
        settings = api_settings.model_copy(update={"viewer_dir": tmp_path / "none"})
        with api_node(settings) as api:
            page = api.client.get("/")
            assert page.status_code == 200
            assert "make run" in page.text
            is_problem(api.client.get("/study/"), 404, "not_found")

    def test_a_built_one_is_served_with_its_policy(
        self, api_settings: Settings, tmp_path: Path
    ) -> None:
        folder = tmp_path / "out"
        (folder / "study").mkdir(parents=True)
        (folder / "_next/static").mkdir(parents=True)
        (folder / "index.html").write_text("<h1>list</h1>")
        (folder / "study/index.html").write_text("<h1>study</h1>")
        (folder / "_next/static/a.js").write_text("1")
        (tmp_path / "secret").write_text("secret")
        with api_node(api_settings.model_copy(update={"viewer_dir": folder})) as api:
            assert api.client.get("/").text == "<h1>list</h1>"
            page = api.client.get("/study/?study=2.25.1")
            assert page.text == "<h1>study</h1>"
            policy = page.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["cache-control"] == "no-cache"
            script = api.client.get("/_next/static/a.js")
            assert "immutable" in script.headers["cache-control"]
            elsewhere = {"Host": "evil.example"}
            for asked, target in (
                ("/study?accession=A%201", "/study/?accession=A%201"),
                ("//evil.example/../study", "/study/"),
            ):
                moved = api.client.get(asked, headers=elsewhere, follow_redirects=False)
                assert moved.headers.get("location") in (None, target), asked
            for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "//secret"):
                assert api.client.get(path).text != "secret"

    def test_pages_of_listed_origins_may_show_it_in_a_frame(
        self, api_settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "index.html").write_text("<h1>list</h1>")
        listed = ("https://pacs.example.org", "http://ris:8080")
        changes = {"viewer_dir": tmp_path, "frame_ancestors": listed}
        with api_node(api_settings.model_copy(update=changes)) as api:
            for path in ("/", "/health"):
                headers = api.client.get(path).headers
                policy = headers["content-security-policy"]
                assert f"frame-ancestors {listed[0]} {listed[1]}" in policy.split("; ")
                assert "x-frame-options" not in headers
        with api_node(api_settings) as api:
            assert api.client.get("/health").headers["x-frame-options"] == "DENY"

    def test_the_microphone_is_the_pages_where_dictation_is_allowed(
        self, api_settings: Settings
    ) -> None:
        for mode, microphone in (("off", "()"), ("device", "(self)"), ("browser", "(self)")):
            settings = api_settings.model_copy(update={"browser_dictation": mode})
            with api_node(settings) as api:
                session = api.client.get("/api/session")
                assert session.json()["dictation"] == mode
                policy = session.headers["permissions-policy"]
                assert policy == f"camera=(), geolocation=(), microphone={microphone}"

    def test_what_the_build_compressed_is_sent_so_to_who_takes_it(
        self, api_settings: Settings, tmp_path: Path
    ) -> None:
        folder = tmp_path / "out"
        (folder / "_next/static").mkdir(parents=True)
        code = "let count = 1;\n" * 500
        inline = f"<script>{code}</script>"
        for name, text in (("index.html", inline), ("_next/static/a.js", code)):
            (folder / name).write_text(text)
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        with api_node(api_settings.model_copy(update={"viewer_dir": folder})) as api:
            for path, text in (("/", inline), ("/_next/static/a.js", code)):
                packed = api.client.get(path, headers={"Accept-Encoding": "gzip, br"})
                assert packed.headers["content-encoding"] == "gzip"
                assert packed.headers["vary"].split(", ").count("Accept-Encoding") == 1
                assert int(packed.headers["content-length"]) < len(text) / 10
                assert packed.text == text
                plain = api.client.get(path, headers={"Accept-Encoding": "identity"})
                assert "content-encoding" not in plain.headers
                assert plain.text == text
                for header in ("content-type", "content-security-policy", "cache-control"):
                    assert packed.headers[header] == plain.headers[header]
            part = {"Accept-Encoding": "gzip", "Range": "bytes=4-8"}
            assert api.client.get("/_next/static/a.js", headers=part).text == "count"
            (folder / "_next/static/a.js").write_text("newer")
            os.utime(folder / "_next/static/a.js", (2e9, 2e9))
            assert api.client.get("/_next/static/a.js").text == "newer"


def test_a_page_runs_the_scripts_that_stand_in_it_and_answers_run_none(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<script src='/a.js'></script><script>\nx = 1;</script>")
    (pages / "a.js").write_text("y = 2;")
    digest = base64.b64encode(hashlib.sha256(b"\nx = 1;").digest()).decode()
    settings = load_settings(data_dir=tmp_path / "data", http_port=free_port(), viewer_dir=pages)
    upgrade(settings)

    def scripts(answer: httpx.Response) -> set[str]:
        policy = answer.headers["content-security-policy"].split("; ")
        (sources,) = [part for part in policy if part.startswith("script-src ")]
        return set(sources.split()[1:])

    evaluated = {"'wasm-unsafe-eval'"}
    with api_node(settings) as node:
        page = node.client.get("/")
        assert scripts(page) == {"'self'", f"'sha256-{digest}'", *evaluated}
        again = node.client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        assert scripts(again) == scripts(page), "a browser takes it for the page that it kept"
        assert scripts(node.client.get("/a.js")) == {"'self'", *evaluated}, "of a worker, too"
        assert scripts(node.client.get("/api/studies")) == {"'self'"}
        (pages / "404.html").write_text("<script>\nx = 1;</script>")
        missing = node.client.get("/no-such-page")
        assert missing.status_code == 404
        assert scripts(missing) == {"'self'", f"'sha256-{digest}'", *evaluated}
        (pages / "index.html").write_text("<p>No script.</p>")
        assert scripts(node.client.get("/")) == {"'self'", *evaluated}
