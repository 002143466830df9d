"""Unified procedure steps by DIMSE (PS3.4 CC), and what UPS-RS shares with it."""
