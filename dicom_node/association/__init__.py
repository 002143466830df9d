"""Associations in either role: negotiation, limits, threads, processes."""
