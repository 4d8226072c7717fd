"""Metrics and the held-out protocol; never imported by inference."""

from gaia_core.evaluation.protocol import evaluate, format_table

__all__ = ["evaluate", "format_table"]
