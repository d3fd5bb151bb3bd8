"""Manifest to embeddings: models, preprocessing, runners, the pipeline and its cache."""
