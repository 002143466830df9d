"""Lesions: one by one, and the same lesion found again in a patient's later study."""
