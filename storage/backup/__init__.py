"""Backups of a whole node, encrypted, to a folder or a bucket, and the way back."""
