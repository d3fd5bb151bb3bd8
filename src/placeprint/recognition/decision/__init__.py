"""Accept a place or say UNKNOWN: pure functions."""
