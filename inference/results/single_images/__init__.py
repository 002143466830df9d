"""DICOM objects of what was found in single images."""
