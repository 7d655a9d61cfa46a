"""What a session is: its state, the fold of its log that makes it, and what it does next."""
