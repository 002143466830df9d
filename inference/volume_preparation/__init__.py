"""Running a pipeline on a volume: upright, without empty ends, and judged by what it shows."""
