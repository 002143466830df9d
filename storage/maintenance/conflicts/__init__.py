"""Copies of conflicts in the bucket: made, removed, looked for, and read by a new index."""
