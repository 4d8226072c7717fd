"""Pictures, sound and video, in and out, and the label on what goes out."""
