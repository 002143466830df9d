"""`mediview openapi`: the API's description, for generators."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.roles.starting import start


def openapi(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead.")
    ] = None,
) -> None:
    """Print the OpenAPI description of the REST API."""
    from api.app import create_app

    text = json.dumps(create_app(start()).openapi(), indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
