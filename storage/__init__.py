"""The floor that everything stands on: instances, index, objects and the ledger of work."""
