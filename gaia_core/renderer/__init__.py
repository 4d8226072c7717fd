"""Stage 1: appearance and motion to frames."""
