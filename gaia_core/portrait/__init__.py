"""Face detection, landmarks, crops and the inspection of photos."""
