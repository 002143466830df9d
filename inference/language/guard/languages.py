"""The languages whose words the guard reads; a sentence of any other does not pass."""

LANGUAGES = ("en", "de")
"""Each has its words in `data/`, under this key."""
