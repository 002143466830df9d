"""C-MOVE and C-GET as SCP (PS3.4 C)."""
