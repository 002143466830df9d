"""Questions, summaries, documents and search."""
