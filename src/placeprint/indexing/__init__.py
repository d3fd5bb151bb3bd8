"""Images into a gallery: in a folder, on a server, by a cluster."""
