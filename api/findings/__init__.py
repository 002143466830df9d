"""Findings, the feedback on them, critical alerts."""
