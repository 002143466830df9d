"""Instances that a rejection note takes out of use, for as long as the note is there."""
