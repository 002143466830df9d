"""The way of a study through the node as one trace, made of the times that the index keeps."""
