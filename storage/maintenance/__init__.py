"""What runs beside the work: housekeeping, compaction, expiry, verification, export."""
