"""Storage commitment (PS3.4 J): what was asked for, and what is owed in answer."""
