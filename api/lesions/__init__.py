"""Lesions over the studies of a patient."""
