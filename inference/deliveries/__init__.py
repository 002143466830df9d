"""Results on their way to destinations, until these confirm them."""
