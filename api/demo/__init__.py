"""Studies for someone who has none: drawn here, or made from a NIfTI image of theirs."""
