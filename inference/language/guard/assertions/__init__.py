"""What sentences assert, as typed values, and whether one assertion follows from another."""
