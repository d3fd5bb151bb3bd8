"""Checks of a dataset: what may be wrong with its images, labels and splits."""
