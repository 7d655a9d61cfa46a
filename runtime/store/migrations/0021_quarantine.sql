-- no-transaction
-- Sessions in quarantine are found by themselves, those that were stopped last first, however many others there are. When
-- a session was stopped stands in its crashes.
DROP INDEX CONCURRENTLY IF EXISTS sessions_quarantined;

CREATE INDEX CONCURRENTLY sessions_quarantined
    ON sessions (org_id, (coalesce((crashes->-1->>'at')::float8, 0)) DESC, id DESC)
    WHERE quarantined AND deleted_at IS NULL;
