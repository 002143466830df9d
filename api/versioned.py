"""Addresses as clients are given them: with the version of the API."""

import re

VERSION = "v1"
ALIAS, PREFIX = "/api", f"/api/{VERSION}"
# Not within a longer address, and not one that has a version.
_NAMED = re.compile(r"(?<![\w.:/-])/api/(?!v\d+\b)")


def versioned(path: str) -> str:
    """The address that clients are given for a route's path; others than the API's stay."""
    if path == ALIAS or path.startswith(f"{ALIAS}/"):
        return PREFIX + path.removeprefix(ALIAS)
    return path


def versioned_text(text: str) -> str:
    """A text for people, with the addresses that it names by the path of their route."""
    return _NAMED.sub(f"{PREFIX}/", text)
