"""Workitems of the Unified Procedure Step (PS3.4 CC)."""
