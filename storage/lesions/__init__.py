"""Lesions, and which of them are the same over a patient's studies."""
