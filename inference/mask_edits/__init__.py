"""What a reader drew in a mask, measured and stored as the next version of the result."""
