"""What a job takes, read and placed for its pipeline; also without a job in the ledger."""
