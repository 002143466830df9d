"""Uploads and what is in them."""
