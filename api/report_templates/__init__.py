"""Templates of reports over REST, and those of RadReport (IHE MRRT) as such."""
