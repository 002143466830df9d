"""What must not be found in what leaves, and the search for it."""
