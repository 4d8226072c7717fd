"""The request form: its tabs, the check of what was sent, presets, a recipe back to a form."""
