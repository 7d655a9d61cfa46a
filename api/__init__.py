"""The front door: HTTP, SSE, command line."""
