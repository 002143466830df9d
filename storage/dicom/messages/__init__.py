"""Data sets of DIMSE messages other than C-STORE."""
