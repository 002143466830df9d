"""Modality worklist as SCP (PS3.4 K)."""
