"""One living owner for every session, on Ray."""
