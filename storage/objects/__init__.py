"""The object store: files or S3."""
