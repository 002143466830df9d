"""Reports: drafted, edited, signed, and as they leave."""
