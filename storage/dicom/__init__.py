"""Part 10 files: elements, pixel data, digests."""
