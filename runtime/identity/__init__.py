"""Users, organisations and credentials: the use cases of whoever logs in, manages members or hands out tokens."""
