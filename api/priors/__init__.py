"""Earlier studies in other archives: what is fetched, what failed, what there is."""
