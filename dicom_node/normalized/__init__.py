"""DIMSE-N services: MPPS, instance availability."""
