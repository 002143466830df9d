"""SMART App Launch 2: a hospital's system opens the viewer, with its person, patient and study."""
