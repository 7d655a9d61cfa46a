"""One live session: its state, the way into its journal, and the loop that carries out what comes next."""
