"""Images embedded on a Ray cluster and written to a server (extra `ray`)."""
