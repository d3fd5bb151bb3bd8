"""Pairs of images that show the same things, for whoever reconstructs a scene from them."""
