"""One file a group of urls; routes never import each other."""
