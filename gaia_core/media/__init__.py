"""Pictures, sound and video, in and out, and the label on what goes out."""

# Of the forms a finished take can be had in; `exports` makes them.
SUFFIX = {"gif": ".gif", "vtt": ".vtt", "poster": ".png", "webm": ".webm"}
