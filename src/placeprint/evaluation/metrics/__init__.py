"""Metrics: pure functions of ranks, scores and truth."""
