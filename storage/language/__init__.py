"""Questions that were asked, and their answers."""
