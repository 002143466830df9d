"""Access groups: who may see which study."""
