"""How many hosts a hospital needs, reckoned from measured costs."""
