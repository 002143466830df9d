"""Studies: their list, their state, their pictures."""
