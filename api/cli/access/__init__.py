"""Who may use the node: accounts, keys, access groups."""
