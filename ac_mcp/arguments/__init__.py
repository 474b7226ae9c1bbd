"""The arguments of a call as hosts send them: parsed, checked, corrected."""
