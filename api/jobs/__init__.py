"""Jobs, pipelines, rules, and analysing in one call."""
