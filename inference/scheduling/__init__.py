"""Which complete series gets which pipelines, and why not the others."""
