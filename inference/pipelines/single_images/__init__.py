"""Pipelines of single images: the models of a setting, and those that a card describes."""
