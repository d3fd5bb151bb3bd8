"""A gallery that can be asked over HTTP: an API and a page (extra `web`).

::

    settings    what a server allows
    snapshots   the gallery as it is now: an immutable snapshot, swapped when the folder changes
    catalogue   its images by id, path and place
    engine_snapshots, engine_catalogue    the same of a gallery in Milvus
    identity    names of images and places that are safe in an address
    bodies      uploads: read within limits, never stored
    desk        work on a few threads behind a bounded queue
    changing    what a write does to the gallery
    committing  writes, gathered into one change of the gallery and answered when it is on disk
    answering, browsing, pictures, writing, watching, pages    the routes
    problems, guard    errors as problem+json; headers, hosts, logs around every request
    schemas, parts     the OpenAPI description; what every request may use
    app, serving       put together, and run
"""
