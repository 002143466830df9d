"""Whether stored bytes are still those that arrived, and what is done where they are not."""
