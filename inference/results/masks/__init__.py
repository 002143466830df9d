"""Masks that come from elsewhere or are edited: read, placed, stored."""
