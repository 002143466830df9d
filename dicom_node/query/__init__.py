"""C-FIND as SCP (PS3.4 C)."""
