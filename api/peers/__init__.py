"""Peers and destinations."""
