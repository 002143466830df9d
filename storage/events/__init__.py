"""What happened, in order, for those who listen."""
