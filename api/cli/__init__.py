"""The `mediview` command; a file for each of its commands."""

from api.cli.main import main

__all__ = ["main"]
