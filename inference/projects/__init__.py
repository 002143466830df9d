"""Research projects: which studies they have, and how these leave without their patients."""
