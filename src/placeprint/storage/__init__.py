"""Files that the program writes and reads back: atomic, checked, and never removing what it did not write."""
