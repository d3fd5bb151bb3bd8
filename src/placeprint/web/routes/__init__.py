"""One file a group of addresses; routes never import each other."""
