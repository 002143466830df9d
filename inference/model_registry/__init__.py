"""Which model may speak: states, proofs, gates. Nothing that is not active makes results."""
