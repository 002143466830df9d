"""Findings that are printed as lines, a label and a value each, and sentences about them."""
