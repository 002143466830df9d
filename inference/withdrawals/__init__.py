"""Results over content that has changed since, taken back wherever they went."""
