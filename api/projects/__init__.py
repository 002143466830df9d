"""Research projects over REST."""
