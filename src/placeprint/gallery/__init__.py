"""Embeddings to something searchable, on disk."""
