"""The pipelines of the box, one a file."""
