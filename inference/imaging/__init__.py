"""Series to volumes in patient space: geometry, stacks, pixels."""
