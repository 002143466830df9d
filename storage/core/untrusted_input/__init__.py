"""What comes from strangers, read within limits: JSON, YAML, numbers, folders in folders."""
