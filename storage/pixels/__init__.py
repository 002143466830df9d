"""Pixels of stored instances: how large they may be, and decoding them outside this process."""
