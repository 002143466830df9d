"""Pipelines that run over many stored studies: which, how far they are, and what came of each."""
