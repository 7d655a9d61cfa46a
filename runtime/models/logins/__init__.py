"""How clouds let one in: by a signature of each request, or by a token that one signs for oneself."""
