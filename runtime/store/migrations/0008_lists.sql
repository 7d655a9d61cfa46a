-- no-transaction
-- The titles of sessions that were there before 0007, a few at a time: nobody waits long who gives one of them another.
DO $$
DECLARE
    batch uuid[];
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        batch := ARRAY(SELECT id FROM sessions WHERE id > last ORDER BY id LIMIT 10000);
        EXIT WHEN cardinality(batch) = 0;
        INSERT INTO session_titles (id, agent_id, title, created_at)
        SELECT id, agent_id, title, created_at FROM sessions
        WHERE id = ANY(batch) AND title <> '' AND deleted_at IS NULL
        ON CONFLICT (id) DO NOTHING;
        last := batch[cardinality(batch)];
        COMMIT;
    END LOOP;
END
$$;

-- Those that were deleted between being read there and being written.
DELETE FROM session_titles t USING sessions s WHERE s.id = t.id AND s.deleted_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS session_titles_grams;

-- Entered at once: what waits to be sorted in would be read by each search, and some title would pay for all of it.
CREATE INDEX CONCURRENTLY session_titles_grams ON session_titles USING gin (title_grams(title)) WITH (fastupdate = off);

DROP INDEX CONCURRENTLY IF EXISTS session_titles_newest;

CREATE INDEX CONCURRENTLY session_titles_newest ON session_titles (created_at DESC, id DESC);

DROP INDEX CONCURRENTLY IF EXISTS session_titles_newest_of_agent;

CREATE INDEX CONCURRENTLY session_titles_newest_of_agent ON session_titles (agent_id, created_at DESC, id DESC);

DROP INDEX CONCURRENTLY IF EXISTS sessions_newest;

CREATE INDEX CONCURRENTLY sessions_newest ON sessions (created_at DESC, id DESC) WHERE deleted_at IS NULL;

DROP INDEX CONCURRENTLY IF EXISTS sessions_newest_of_agent;

CREATE INDEX CONCURRENTLY sessions_newest_of_agent ON sessions (agent_id, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;

DROP INDEX CONCURRENTLY IF EXISTS sessions_created;

DROP INDEX CONCURRENTLY IF EXISTS sessions_agent;

DROP INDEX CONCURRENTLY IF EXISTS workspaces_named;

-- Most workspaces are a session's own, and in no list.
CREATE INDEX CONCURRENTLY workspaces_named ON workspaces (created_at DESC, id DESC) WHERE name IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS events_questions;

-- What waits for a person is found from the questions, which are few, and not from all sessions that wait for anything.
CREATE INDEX CONCURRENTLY events_questions ON events (session_id) WHERE type = 'tool.decision_requested';
