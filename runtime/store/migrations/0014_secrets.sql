-- Secrets, as envelopes (docs/secrets.md): of sessions, of users, of what people author, of vendors. The key, with `org_id`, is
-- what an envelope is bound to, so a row that was copied does not open.
CREATE TABLE secrets (
    org_id      uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('session', 'connection', 'agent', 'harness', 'layer', 'provider')),
    owner_id    uuid NOT NULL,
    name        text NOT NULL,
    envelope    jsonb NOT NULL,
    key_id      text NOT NULL GENERATED ALWAYS AS (envelope ->> 'key_id') STORED,
    fingerprint text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    -- What goes when its owner goes.
    session_id  uuid GENERATED ALWAYS AS (CASE WHEN kind IN ('session', 'layer') THEN owner_id END) STORED
                REFERENCES sessions (id) ON DELETE CASCADE,
    user_id     uuid GENERATED ALWAYS AS (CASE WHEN kind = 'connection' THEN owner_id END) STORED
                REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (org_id, kind, owner_id, name)
);
CREATE INDEX secrets_key ON secrets (key_id, org_id, kind, owner_id, name); -- a rotation's way
CREATE INDEX secrets_session ON secrets (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX secrets_user ON secrets (user_id) WHERE user_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON secrets TO perdure_api, perdure_engine;
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));

-- What a definition holds goes when it is deleted; its row stays.
CREATE FUNCTION forget_definition_secrets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM secrets WHERE org_id = NEW.org_id AND kind = TG_ARGV[0] AND owner_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER agent_secrets AFTER UPDATE OF status ON agents FOR EACH ROW WHEN (NEW.status = 'deleted')
    EXECUTE FUNCTION forget_definition_secrets('agent');
CREATE TRIGGER harness_secrets AFTER UPDATE OF status ON harnesses FOR EACH ROW WHEN (NEW.status = 'deleted')
    EXECUTE FUNCTION forget_definition_secrets('harness');
CREATE INDEX secrets_fingerprint ON secrets (org_id, fingerprint) WHERE kind IN ('agent', 'harness', 'layer');
