"""Models: cards, decisions, monitoring."""
