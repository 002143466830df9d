"""Serving HTTP, supervising the processes, and whether all of it works."""
