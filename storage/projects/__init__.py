"""Research projects and their exports."""
