"""Webhooks and their notices."""
