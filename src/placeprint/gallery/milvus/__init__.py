"""A gallery that a Milvus server keeps (extra `milvus`)."""
