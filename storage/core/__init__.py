"""Words that every layer uses: entities, errors, UIDs, clock, callers, text, untrusted input."""
