"""What is durable in the volumes and missing in the index gets its row back."""
