"""The request form: tabs, validation, presets, and a recipe back to a form."""
