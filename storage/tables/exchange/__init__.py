"""What the node exchanges with other systems."""
