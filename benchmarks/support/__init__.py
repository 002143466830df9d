"""What benchmarks share: the servers they measure, clients that cost little, and their figures."""
