"""Models tried on stored studies: nothing is scheduled, stored as a result, or sent."""
