"""Words that every layer uses: entities, errors, UIDs, clock, roles, character sets."""
