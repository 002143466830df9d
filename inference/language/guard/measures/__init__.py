"""What a sentence says of measures: numbers with units, how they moved, what findings say."""
