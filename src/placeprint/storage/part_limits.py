"""How many parts an image may have; it imports nothing, so that help is quick."""

MOST_PARTS = 2048
"""Cells, or points, of an image: four times what presets keep. Comparing takes as long as there are pairs of them."""
