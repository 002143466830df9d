"""From a sentence to its assertions."""
