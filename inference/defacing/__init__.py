"""The face in a series, found by the pipeline of the role `deface`, before its images leave."""
