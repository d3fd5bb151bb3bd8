"""Query photo to answer: where embedding meets the gallery."""
