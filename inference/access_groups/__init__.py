"""Which access groups a study belongs to, by the rules of the groups."""
