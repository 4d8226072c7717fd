"""Metrics and the held-out protocol; never imported by inference."""
