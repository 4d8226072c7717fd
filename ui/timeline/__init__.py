"""The timeline of keyframes, sound and motion curves."""
