"""A run from the page: its events, estimated time, history, and ZeroGPU."""
