"""C-STORE in either role (PS3.4 B)."""
