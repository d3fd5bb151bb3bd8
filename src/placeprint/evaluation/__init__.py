"""Neighbours and truth to numbers."""
