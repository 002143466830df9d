"""Pages and files of the documentation site that lie outside of docs/."""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
_PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "security-policy.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "python-client.md": "clients/python/README.md",
}
_FILES = {
    "license.txt": "LICENSE",
    "settings.txt": ".env.example",
    "plot_study.py": "clients/python/examples/plot_study.py",
    "study.ipynb": "clients/python/examples/study.ipynb",
}
# Tests find examples by a word after the language, of which the site's fences know nothing.
_FENCE = re.compile(r"^(```\w+)[ \w.-]+$", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()([^)#:]+)(#[^)]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what a repository has at its top, the API's description, and what draws diagrams."""
    sources = {
        **{page: ROOT / name for page, name in (_PAGES | _FILES).items()},
        "openapi.json": ROOT / os.environ["OPENAPI_JSON"],
        "javascripts/mermaid.min.js": ROOT / os.environ["MERMAID_JS"],
    }
    for uri, path in sources.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links between pages lead where the pages are on the site, and fences be fences."""
    source = _PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    folder = (ROOT / source).parent
    here = Path(page.file.src_uri).parent
    on_site = {name: uri for uri, name in (_PAGES | _FILES).items()}

    def moved(match: re.Match[str]) -> str:
        target = os.path.relpath(folder / match[1], ROOT)
        uri = on_site.get(target, target.removeprefix("docs/"))
        return os.path.relpath(uri, here) + (match[2] or "")

    return _FENCE.sub(r"\1", _LINK.sub(moved, markdown))
