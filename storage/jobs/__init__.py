"""The jobs of pipelines, and why others did not run."""
