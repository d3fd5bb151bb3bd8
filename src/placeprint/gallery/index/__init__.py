"""Indexes: one contract, the exact search that is the truth, and FAISS for large galleries."""
