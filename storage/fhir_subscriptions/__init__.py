"""Topic-based subscriptions of FHIR: webhooks that are sent bundles of what changed."""
