"""Whether what the site wrote fits the pipelines that exist."""
