"""What runs beside the work: reconciling, compaction, retention, verification, export."""
