"""Writes: gathered into one change of the gallery, and answered when it is on disk."""

from __future__ import annotations
