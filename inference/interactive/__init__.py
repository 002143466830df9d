"""Segmenting by clicks: a session with the series and the model in memory, and its result."""
