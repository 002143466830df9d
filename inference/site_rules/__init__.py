"""The rules as administrators change them: saved version by version, and tried before that."""
