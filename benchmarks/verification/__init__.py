"""What the node measures, beside what another tool or a hand calculation gives."""
