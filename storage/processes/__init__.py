"""Processes that are kept alive by the one that started them, and end with it."""
