"""What may be wrong with a dataset, row by row."""
