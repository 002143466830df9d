"""People and programs: accounts, keys, sessions, passwords, preferences."""
