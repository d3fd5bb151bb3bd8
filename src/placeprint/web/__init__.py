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
    doubtful, small_copies, metrics    recent answers, small copies of images, and numbers: all in memory
    state       what every request may use: all of the above, put together once
    answering, browsing, pictures, writing, watching, pages    the routes, which never import each other
    problems, guard    errors as problem+json; headers, hosts, logs around every request
    schemas     the OpenAPI description
    app, serving       put together, and run
"""
