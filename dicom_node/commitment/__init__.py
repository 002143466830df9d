"""Storage commitment in either role (PS3.4 J)."""
