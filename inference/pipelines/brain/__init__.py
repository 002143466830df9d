"""Volumes of the head: its cavity, the brain and its structures."""
