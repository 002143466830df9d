"""TCP, TLS, PDUs and DIMSE messages (PS3.7, PS3.8)."""
