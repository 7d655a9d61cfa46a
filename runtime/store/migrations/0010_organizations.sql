-- Everything belongs to an organisation: what was there before, to the default one. Whoever may only see one of them says
-- which in each transaction, and the rows of others are not there (row-level security, docs/security.md).

-- Whose rows this transaction sees: `SET LOCAL perdure.org`, never longer than it. NULL, so that nothing is, where nobody said.
CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('perdure.org', true), '')::uuid;

ALTER TABLE harnesses ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE agents ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE workspaces ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE files ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE sessions ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE session_titles ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE events ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE snapshots ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE key_values ADD COLUMN org_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';

ALTER TABLE sessions ADD COLUMN owner_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';

-- From here on whoever writes says whose it is.
ALTER TABLE harnesses ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE agents ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE workspaces ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE files ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE sessions ALTER COLUMN org_id DROP DEFAULT, ALTER COLUMN owner_id DROP DEFAULT;
ALTER TABLE session_titles ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE events ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE snapshots ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE key_values ALTER COLUMN org_id DROP DEFAULT;

-- Ids of agents come from clients, and those of built-in harnesses from their names: each organisation has its own. What
-- refers to them refers to its own organisation's, whatever a statement says.
ALTER TABLE sessions
    DROP CONSTRAINT sessions_harness_id_fkey,
    DROP CONSTRAINT sessions_agent_id_fkey,
    DROP CONSTRAINT sessions_workspace_id_fkey;
ALTER TABLE agents DROP CONSTRAINT agents_harness_id_fkey;
ALTER TABLE harnesses DROP CONSTRAINT harnesses_parent_id_fkey;
ALTER TABLE harnesses DROP CONSTRAINT harnesses_pkey, ADD PRIMARY KEY (org_id, id);
ALTER TABLE agents DROP CONSTRAINT agents_pkey, ADD PRIMARY KEY (org_id, id);
ALTER TABLE workspaces ADD CONSTRAINT workspaces_org_id_id_key UNIQUE (org_id, id);
ALTER TABLE harnesses
    ADD CONSTRAINT harnesses_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id),
    ADD CONSTRAINT harnesses_parent_id_fkey FOREIGN KEY (org_id, parent_id) REFERENCES harnesses (org_id, id);
ALTER TABLE agents
    ADD CONSTRAINT agents_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id),
    ADD CONSTRAINT agents_harness_id_fkey FOREIGN KEY (org_id, harness_id) REFERENCES harnesses (org_id, id);
ALTER TABLE workspaces ADD CONSTRAINT workspaces_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE sessions
    ADD CONSTRAINT sessions_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id),
    ADD CONSTRAINT sessions_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id),
    ADD CONSTRAINT sessions_harness_id_fkey FOREIGN KEY (org_id, harness_id) REFERENCES harnesses (org_id, id),
    ADD CONSTRAINT sessions_agent_id_fkey FOREIGN KEY (org_id, agent_id) REFERENCES agents (org_id, id),
    ADD CONSTRAINT sessions_workspace_id_fkey FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces (org_id, id);

-- Names are those of one organisation.
DROP INDEX harnesses_name;
CREATE UNIQUE INDEX harnesses_name ON harnesses (org_id, name) WHERE status <> 'deleted';
DROP INDEX agents_name;
CREATE UNIQUE INDEX agents_name ON agents (org_id, name) WHERE status <> 'deleted';
DROP INDEX agents_created;
CREATE INDEX agents_created ON agents (org_id, created_at DESC, id);
DROP INDEX workspaces_name;
CREATE UNIQUE INDEX workspaces_name ON workspaces (org_id, name) WHERE status = 'active' AND name IS NOT NULL;

-- A pin is a user's own. Those that there are were everybody's, who was nobody in particular.
CREATE TABLE pins (
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    PRIMARY KEY (session_id, user_id)
);
INSERT INTO pins (org_id, user_id, session_id) SELECT org_id, owner_id, id FROM sessions WHERE is_pinned;
ALTER TABLE sessions DROP COLUMN is_pinned;

CREATE OR REPLACE FUNCTION keep_session_title() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title <> '' AND NEW.deleted_at IS NULL THEN
        INSERT INTO session_titles (id, org_id, agent_id, title, created_at)
        VALUES (NEW.id, NEW.org_id, NEW.agent_id, NEW.title, NEW.created_at)
        ON CONFLICT (id) DO UPDATE SET title = excluded.title;
    ELSE
        DELETE FROM session_titles WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

-- Looks a text up in the titles of one organisation. Postgres may not use that index behind a policy, for the operator
-- might tell of rows that the policy hides; so it is used in here, by the owner of the tables.
CREATE FUNCTION titles_with(search text) RETURNS TABLE (id uuid, agent_id uuid, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    SELECT t.id, t.agent_id, t.created_at FROM session_titles t
    WHERE title_grams(t.title) @@ title_query(search) AND strpos(lower(t.title), lower(search)) > 0
      AND t.org_id = current_org();
END;

-- The roles of a running server; neither owns a table or passes a policy by. They are the cluster's, so several databases
-- may make them at once.
DO $$
DECLARE
    wanted text;
    may_act boolean;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['perdure_api', 'perdure_engine'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- somebody else has made it meanwhile
        END;
        -- Since PostgreSQL 16 whoever makes a role administers it, and may still not act as it.
        IF current_setting('server_version_num')::integer >= 160000 THEN
            may_act := pg_has_role(current_user, wanted, 'SET');
        ELSE
            may_act := pg_has_role(current_user, wanted, 'MEMBER');
        END IF;
        IF NOT may_act THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END
$$;

-- What front doors do: everything that people ask for, of one organisation at a time. Who there is, is nobody's own.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    organizations, users, user_identities, members, tokens, logins, login_attempts,
    harnesses, agents, workspaces, files, sessions, session_titles, pins, key_values TO perdure_api;
GRANT SELECT ON events, snapshots, deployment, schema_migrations TO perdure_api;
GRANT SELECT, UPDATE ON access_revision TO perdure_api;
GRANT SELECT, INSERT ON audit TO perdure_api;

-- What actors and the supervisor do: they commit and read sessions of many organisations in one statement, each found by
-- its own id, and know nothing of users and tokens. Files and keys, which tools ask for, they see of one organisation only.
GRANT SELECT ON harnesses, agents, workspaces, schema_migrations TO perdure_engine;
GRANT SELECT, UPDATE ON sessions, deployment TO perdure_engine;
GRANT UPDATE ON workspaces TO perdure_engine;  -- to lock one while its files are written
GRANT SELECT, INSERT ON events TO perdure_engine;
GRANT SELECT, INSERT, UPDATE ON snapshots TO perdure_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON session_titles, files, key_values TO perdure_engine;

ALTER TABLE harnesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE session_titles ENABLE ROW LEVEL SECURITY;
ALTER TABLE pins ENABLE ROW LEVEL SECURITY;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE key_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;

-- Asked once for a statement and not for each of its rows, hence SELECT.
CREATE POLICY own ON harnesses TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON agents TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON workspaces TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));
CREATE POLICY own ON files TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));
CREATE POLICY own ON sessions TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON session_titles TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON pins TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON events TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON snapshots TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON key_values TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));
-- Whoever administers the server reads what belongs to no organisation; what is written may belong to any.
CREATE POLICY read ON audit FOR SELECT TO perdure_api
    USING (org_id = (SELECT current_org()) OR org_id IS NULL AND (SELECT current_org()) IS NULL);
CREATE POLICY write ON audit FOR INSERT TO perdure_api WITH CHECK (true);

CREATE POLICY every ON harnesses FOR SELECT TO perdure_engine USING (true);
CREATE POLICY every ON agents FOR SELECT TO perdure_engine USING (true);
CREATE POLICY every ON sessions TO perdure_engine USING (true);
CREATE POLICY every ON session_titles TO perdure_engine USING (true);
CREATE POLICY every ON events TO perdure_engine USING (true);
CREATE POLICY every ON snapshots TO perdure_engine USING (true);
