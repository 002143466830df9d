"""Who may use the node, and what each did."""
