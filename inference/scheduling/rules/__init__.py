"""The site's rules: which series a pipeline may have beyond what it accepts itself."""
