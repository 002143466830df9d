"""The modality worklist."""
