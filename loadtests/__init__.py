"""Load and speed, measured from outside: over HTTP, as a client sees it."""
