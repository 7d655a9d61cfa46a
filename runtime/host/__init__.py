"""Many live sessions in one process, and the writer of their journal."""
