"""Structured reports (PS3.3 A.35): the document, its numbers, and the texts that people read."""
