"""What a course of lesions amounts to, in the manner of RECIST 1.1 and Lugano."""
