"""Files that the program writes and reads back: atomic, checked, and nothing of strangers removed."""
