"""Postgres: the only SQL and the only asyncpg."""
