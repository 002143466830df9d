"""Counting what goes over DIMSE."""
