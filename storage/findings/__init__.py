"""What pipelines measured, and the feedback of people on it."""
