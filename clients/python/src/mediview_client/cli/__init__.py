"""The command line over a node that may be anywhere: it speaks HTTP, and needs no database."""

from mediview_client.cli.main import main

__all__ = ["main"]
