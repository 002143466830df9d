"""Which studies a list shows, and in which order."""
