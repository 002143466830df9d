"""Access groups over REST, and access in an emergency."""
