-- Ids are the hex of the public id. Configuration is JSON as the wire shows it; columns repeat only what
-- is searched, joined or guarded.

-- Tells apart the servers that share one Ray cluster.
CREATE TABLE deployment (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
INSERT INTO deployment DEFAULT VALUES;

CREATE TABLE harnesses (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'deleted')),
    is_built_in boolean NOT NULL DEFAULT false,
    parent_id   uuid REFERENCES harnesses (id),
    revision    bigint NOT NULL DEFAULT 1,
    config      json NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX harnesses_name ON harnesses (name) WHERE status <> 'deleted';

CREATE TABLE agents (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'deleted')),
    harness_id  uuid NOT NULL REFERENCES harnesses (id),
    revision    bigint NOT NULL DEFAULT 1,
    config      json NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX agents_name ON agents (name) WHERE status <> 'deleted';
CREATE INDEX agents_created ON agents (created_at DESC, id);

CREATE TABLE workspaces (
    id          uuid PRIMARY KEY,
    name        text,
    description text,
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'deleted')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    deleted_at  timestamptz
);
-- A session's own workspace has no name.
CREATE UNIQUE INDEX workspaces_name ON workspaces (name) WHERE status = 'active' AND name IS NOT NULL;

CREATE TABLE files (
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    path         text NOT NULL COLLATE "C",
    id           uuid NOT NULL,
    is_directory boolean NOT NULL DEFAULT false,
    is_readonly  boolean NOT NULL DEFAULT false,
    size_bytes   bigint NOT NULL DEFAULT 0,
    content      bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, path)
);

-- The head of a session: what its log says by now, written in the same statement as the log.
CREATE TABLE sessions (
    id              uuid PRIMARY KEY,
    harness_id      uuid NOT NULL REFERENCES harnesses (id),
    agent_id        uuid REFERENCES agents (id),
    workspace_id    uuid NOT NULL REFERENCES workspaces (id),
    parent_id       uuid REFERENCES sessions (id),
    config          json NOT NULL,
    title           text,
    status          text NOT NULL DEFAULT 'started'
                    CHECK (status IN ('started', 'active', 'idle', 'waitingfortoolresults')),
    epoch           integer NOT NULL DEFAULT 0,
    actor           text,
    last_sequence   bigint NOT NULL DEFAULT 0,
    steps           bigint NOT NULL DEFAULT 0,
    usage           json,
    preview         text,
    output_preview  text,
    recoveries      integer NOT NULL DEFAULT 0,
    crashes         json NOT NULL DEFAULT '[]',
    quarantined     boolean NOT NULL DEFAULT false,
    is_pinned       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    deleted_at      timestamptz
) WITH (fillfactor = 60);  -- room for the head to be rewritten in its page
CREATE INDEX sessions_created ON sessions (created_at DESC, id) WHERE deleted_at IS NULL;
CREATE INDEX sessions_agent ON sessions (agent_id, created_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX sessions_unfinished ON sessions (id) WHERE status IN ('active', 'waitingfortoolresults');
CREATE INDEX sessions_actor ON sessions (actor) WHERE actor IS NOT NULL;

-- The journal. `body` is the event as it is sent; `private` what a vendor wants back and nobody may see.
CREATE TABLE events (
    session_id uuid NOT NULL,
    sequence   bigint NOT NULL CHECK (sequence > 0),
    id         uuid NOT NULL,
    type       text NOT NULL,
    epoch      integer NOT NULL,
    turn_id    uuid,
    body       json NOT NULL,
    private    json,
    PRIMARY KEY (session_id, sequence)
);
CREATE UNIQUE INDEX events_id ON events (session_id, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % is not allowed', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A cache of the fold: deleting every row changes nothing but speed.
CREATE TABLE snapshots (
    session_id uuid PRIMARY KEY,
    sequence   bigint NOT NULL,
    version    text NOT NULL,
    state      bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE key_values (
    session_id uuid NOT NULL,
    key        text NOT NULL,
    value      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, key)
);
