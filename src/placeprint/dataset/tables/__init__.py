"""Tables as people have them, to records."""
