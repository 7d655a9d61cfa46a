"""What HTTP asks of every route: bodies, errors, pages, streams, limits, documents."""
