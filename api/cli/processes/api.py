"""`mediview api`: REST, DICOMweb and the viewer."""

import typer

from api.cli.starting import start_role


def api() -> None:
    """Serve REST, DICOMweb and the viewer."""
    from api.serve import run_api

    raise typer.Exit(run_api(start_role()))
