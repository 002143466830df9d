"""French sentences in the English that the rules of the guard read: see `sentences.py`."""
