"""A shortlist ranked again: by places, by cells, by local features."""
