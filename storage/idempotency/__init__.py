"""Answers to requests that may be repeated."""
