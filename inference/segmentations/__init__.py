"""Segmentations that a person drew from nothing: several coded segments on one series."""
