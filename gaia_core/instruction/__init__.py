"""Free-text instructions to controls."""
