"""The index rebuilt into an empty database, from the volumes or the bucket."""
