"""Passages of text and their vectors."""
