"""Images, sound and video: reading, writing, compositing, export and the label."""

# Export formats, see `exports`.
SUFFIX = {"gif": ".gif", "vtt": ".vtt", "poster": ".png", "webm": ".webm"}
