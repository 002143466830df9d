"""Why a study has no result yet, or why nobody else has it."""
