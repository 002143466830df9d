"""UPS-RS: the unified worklist over HTTP (PS3.18 chapter 11)."""
