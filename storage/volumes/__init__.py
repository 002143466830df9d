"""Append-only files of instances."""
