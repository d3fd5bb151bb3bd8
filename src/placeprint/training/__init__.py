"""What makes a model better or smaller on photographs of one's own; running the result needs nothing of it."""
