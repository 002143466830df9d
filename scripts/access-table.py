#!/usr/bin/env python3
"""Write docs/access.md: every route with its roles, scope and audit rule, from the routes."""

import tempfile
from pathlib import Path

from api.access.access_document import access_table
from api.app import create_app
from storage.settings import load_settings

if __name__ == "__main__":
    app = create_app(load_settings(data_dir=Path(tempfile.gettempdir())))
    target = Path(__file__).parents[1] / "docs" / "access.md"
    target.write_text(access_table(app.state.rules.rules), encoding="utf-8")
