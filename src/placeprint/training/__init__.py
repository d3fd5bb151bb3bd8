"""What makes a model better or smaller by images of one's own; running the result needs none of it."""
