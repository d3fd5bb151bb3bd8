"""Query image to answer: where embedding meets the gallery."""
