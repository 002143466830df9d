"""Earlier studies that lie in other archives: what is looked for, and what is fetched."""
