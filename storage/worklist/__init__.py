"""The modality worklist (PS3.4 K)."""
