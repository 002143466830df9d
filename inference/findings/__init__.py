"""Findings: made from what pipelines measured, compared with earlier ones, and taken back."""
