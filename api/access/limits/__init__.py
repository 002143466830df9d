"""How often an address may ask, and whose address it is behind a proxy."""
