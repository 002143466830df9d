"""Studies: their list, their state, how they are laid out."""
