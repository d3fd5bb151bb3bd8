"""A gallery that can be asked over HTTP: an API and a page (extra `web`).

::

    serve       the verb; what it needs is imported when it is called
    settings    where a server listens, and what it allows
    snapshots, milvus_snapshots    the gallery as it is now: an immutable snapshot, replaced when the gallery changes
    catalogue, milvus_catalogue    its images by id, path and place
    identity    ids of images, and URLs
    uploads     images that are sent: received within limits, never stored
    work_queue  threads behind a bounded queue
    write_queue, gallery_changes   writes become one change of the gallery and are answered when it is on disk
    doubtful_answers, thumbnail_cache, metrics    kept in memory
    state       all of the above, made once and shared by all requests
    routes/     which never import each other
    problems    errors as problem+json
    middleware, methods    what is done around every request
    connections            limits of each connection
    schemas     the OpenAPI description
    app, server            put together, and run
"""
