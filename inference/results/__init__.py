"""Findings encoded as DICOM objects, one kind a file."""
