"""Earlier studies in other archives: looked for by rule or by a person, and fetched."""
