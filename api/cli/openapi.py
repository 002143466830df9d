"""`mediview openapi`: the API's description for generators, or as a collection of requests."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.starting import start


def openapi(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead.")
    ] = None,
    as_collection: Annotated[
        bool,
        typer.Option("--collection", help="Requests for Postman, Bruno or Insomnia to import."),
    ] = False,
) -> None:
    """Print the OpenAPI description of the REST API."""
    from api.app import create_app
    from api.openapi.collection import collection

    found = create_app(start()).openapi()
    text = json.dumps(collection(found) if as_collection else found, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
