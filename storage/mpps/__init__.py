"""Modality performed procedure steps (PS3.4 F)."""
