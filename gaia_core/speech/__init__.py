"""Speech to features and visemes, and text to speech."""
