"""Secrets at rest, and signed upload addresses."""
