"""Models of images that are evaluated: labels, numbers, boxes and masks beside those of a table."""
