"""Documents: pages read with their places, and the passage that answers a question."""
