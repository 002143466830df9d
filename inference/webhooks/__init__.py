"""What leaves the node as a notice: webhooks."""
