"""Archives as this node asks them: which studies they have, and the studies themselves."""
