"""Bring in what other archives and folders hold, piece by piece, to be continued at any time."""
