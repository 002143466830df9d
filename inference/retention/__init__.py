"""Retention of studies by rule: which leave, when, and why the others stay."""
