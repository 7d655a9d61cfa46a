-- no-transaction
-- Lists are an organisation's.
DROP INDEX CONCURRENTLY IF EXISTS session_titles_newest_of_org;

CREATE INDEX CONCURRENTLY session_titles_newest_of_org ON session_titles (org_id, created_at DESC, id DESC);

DROP INDEX CONCURRENTLY IF EXISTS sessions_newest_of_org;

CREATE INDEX CONCURRENTLY sessions_newest_of_org ON sessions (org_id, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;

DROP INDEX CONCURRENTLY IF EXISTS workspaces_named_of_org;

CREATE INDEX CONCURRENTLY workspaces_named_of_org ON workspaces (org_id, created_at DESC, id DESC)
    WHERE name IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS session_titles_newest;

DROP INDEX CONCURRENTLY IF EXISTS sessions_newest;

DROP INDEX CONCURRENTLY IF EXISTS workspaces_named;

DROP INDEX CONCURRENTLY IF EXISTS sessions_deleted;

CREATE INDEX CONCURRENTLY sessions_deleted ON sessions (deleted_at) WHERE deleted_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS sessions_workspace;

CREATE INDEX CONCURRENTLY sessions_workspace ON sessions (workspace_id);

DROP INDEX CONCURRENTLY IF EXISTS sessions_children;

CREATE INDEX CONCURRENTLY sessions_children ON sessions (parent_id) WHERE parent_id IS NOT NULL;
