"""The Live tab: a portrait that follows a camera or speaks what a microphone hears."""
