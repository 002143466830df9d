"""Runs of a pipeline over many stored studies."""
