"""The published protocols of the field: where the files lie, which images take part, and what counts as right."""
