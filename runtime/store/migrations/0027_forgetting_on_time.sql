-- no-transaction
-- Sessions of an organisation that were deleted, the longest ago first: one that waits long holds nobody else up.
DROP INDEX CONCURRENTLY IF EXISTS sessions_deleted_of_org;

CREATE INDEX CONCURRENTLY sessions_deleted_of_org ON sessions (org_id, deleted_at) WHERE deleted_at IS NOT NULL;

-- Sessions whose time is over: deleted long enough ago, the longest first. Of each organisation those are read that are due.
CREATE OR REPLACE FUNCTION sessions_to_forget(grace_days integer, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    SELECT s.id FROM organizations o CROSS JOIN LATERAL (
        SELECT id, deleted_at FROM sessions
        WHERE org_id = o.id
          AND deleted_at < now() - make_interval(days => coalesce(o.deletion_grace_days, grace_days))
        ORDER BY deleted_at LIMIT most
    ) AS s
    ORDER BY s.deleted_at LIMIT most;
END;

DROP INDEX CONCURRENTLY IF EXISTS sessions_deleted;

-- Up to which session, in the order of their ids, it was looked whether one has rested too long.
CREATE TABLE IF NOT EXISTS retention_walk (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    last_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);

INSERT INTO retention_walk DEFAULT VALUES ON CONFLICT DO NOTHING;

-- Deletes up to `most` sessions that have rested longer than their organisation keeps them, as a request deletes one: its own
-- workspace goes out of sight with it, unless another session uses it. Each time it looks at the next 5,000 sessions, and after
-- the last begins anew: an index of `updated_at` would cost each turn a new entry in every index of its session's row. Whoever
-- got a message while this waited for its row stays.
CREATE OR REPLACE FUNCTION delete_outdated_sessions(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH looked_at AS MATERIALIZED (
        SELECT id, org_id, status, updated_at, deleted_at FROM sessions
        WHERE id > (SELECT last_id FROM retention_walk)
          AND EXISTS (SELECT FROM organizations WHERE retention_days IS NOT NULL)
        ORDER BY id LIMIT 5000
    ), outdated AS MATERIALIZED (
        SELECT l.id, kept.since FROM looked_at l
        JOIN organizations o ON o.id = l.org_id
        CROSS JOIN LATERAL (SELECT now() - make_interval(days => o.retention_days) AS since) AS kept
        WHERE l.deleted_at IS NULL AND l.status IN ('started', 'idle') AND l.updated_at < kept.since
        ORDER BY l.id LIMIT most
    ), gone AS (
        UPDATE sessions s SET deleted_at = now(), updated_at = now() FROM outdated o
        WHERE s.id = o.id AND s.deleted_at IS NULL AND s.status IN ('started', 'idle') AND s.updated_at < o.since
        RETURNING s.id, s.org_id, s.workspace_id
    ), emptied AS (
        UPDATE workspaces w SET status = 'deleted', deleted_at = now(), updated_at = now()
        FROM (SELECT DISTINCT org_id, workspace_id FROM gone) AS home
        WHERE w.org_id = home.org_id AND w.id = home.workspace_id AND w.name IS NULL AND NOT EXISTS (
            SELECT FROM sessions s
            WHERE s.workspace_id = w.id AND s.deleted_at IS NULL AND s.id NOT IN (SELECT id FROM gone)
        )
    ), walked AS (
        UPDATE retention_walk w SET last_id = next.id
        FROM (SELECT CASE
            WHEN (SELECT count(*) FROM outdated) = most THEN (SELECT id FROM outdated ORDER BY id DESC LIMIT 1)
            WHEN (SELECT count(*) FROM looked_at) = 5000 THEN (SELECT id FROM looked_at ORDER BY id DESC LIMIT 1)
            ELSE '00000000-0000-0000-0000-000000000000'
        END AS id) AS next
        WHERE w.last_id <> next.id
    )
    SELECT count(*)::integer FROM gone;
END;

-- Workspaces that stayed in sight when their session was deleted so before.
UPDATE workspaces w SET status = 'deleted', deleted_at = now(), updated_at = now()
WHERE w.name IS NULL AND w.status <> 'deleted'
  AND EXISTS (SELECT FROM sessions s WHERE s.workspace_id = w.id AND s.deleted_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM sessions s WHERE s.workspace_id = w.id AND s.deleted_at IS NULL);
