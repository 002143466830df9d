"""What the node stores, where it came from, and how long it stays."""
