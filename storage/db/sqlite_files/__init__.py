"""SQLite's own files: its write-ahead log after a crash, and a new file for a damaged one."""
