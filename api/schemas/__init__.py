"""Request and reply bodies, where they differ from the values of the core."""
