"""Results that are owed to destinations."""
