"""What models and readers make of the images."""
