"""De-identification by PS3.15 annex E, and proof of it."""
