"""How long studies stay: legal holds, last uses, what is owed, the rules' decisions, disk space."""
