"""Numbers in a sentence: dates, quantities with their units, and those that name a lesion."""
