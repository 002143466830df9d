"""Deleting studies, series and what was derived from them."""
