"""Lists: pages, cursors, and one request about many things."""
