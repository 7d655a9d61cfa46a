"""Users, organisations and credentials in Postgres: the only SQL on their tables.

What somebody may see of them is decided by the use cases in `runtime/identity`, which take only what is the caller's.
"""
