"""Whose studies are: corrections, merges and moves, listed, made and undone by administrators."""
