"""The spot that an image's matches speak for, and when it is given as a position: pure functions of matches."""
