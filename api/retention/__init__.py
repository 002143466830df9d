"""How long studies stay: legal holds, what would leave when, and what has left."""
