"""What of an image shows a face, and how it is taken out (PS3.15 E.3.2)."""
