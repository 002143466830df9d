"""What of a document answers a question by what both mean, where their words differ."""
