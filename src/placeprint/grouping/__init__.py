"""Photos without labels to places: which of them show the same one."""
