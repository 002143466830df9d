"""The engine, transactions, leases, rows and the schema."""
