"""Folders of images: the layouts that are understood, and which one it is."""
