"""Segmentations that readers draw: stored as SEG and RTSTRUCT, listed, and what they may name."""
