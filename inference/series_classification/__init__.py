"""What kind of image a series is."""
