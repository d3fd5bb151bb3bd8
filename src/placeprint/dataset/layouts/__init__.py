"""Layouts of folders: the ones that are understood, and finding which one a dataset has."""
