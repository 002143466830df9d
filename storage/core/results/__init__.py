"""What results consist of beside their findings: kinds, terms, heat maps."""
