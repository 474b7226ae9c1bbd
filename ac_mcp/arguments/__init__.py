"""Arguments as hosts send them: parsed, checked, corrected."""
