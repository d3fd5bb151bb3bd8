"""When to accept a place, learned from a gallery at a stated false-accept rate."""
