"""`perdure chat`: a conversation in the terminal, over HTTP like any other client."""
