"""Application entities and other destinations."""
