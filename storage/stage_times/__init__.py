"""How long each stage took, for /metrics."""
