"""Numbers in a sentence: dates, and quantities with their units."""
