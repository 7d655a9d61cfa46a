-- Endpoints of models that are not called for a while, because calls to them kept failing or somebody said so. A row is
-- written when calls fail, never for one that works. They are the server's, not an organisation's: `provider` is the type
-- of a provider, or its id.
CREATE TABLE IF NOT EXISTS circuit_breakers (
    provider        text PRIMARY KEY,
    state           text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    is_forced       boolean NOT NULL DEFAULT false, -- by an operator: it stays open until one closes it
    failure_count   bigint NOT NULL DEFAULT 0,      -- since it was closed last
    success_count   bigint NOT NULL DEFAULT 0,      -- calls that closed it
    opened_at       timestamptz,
    until           timestamptz,                    -- when somebody may try again: while half open, another one
    half_open_at    timestamptz,
    last_failure_at timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON circuit_breakers TO perdure_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON circuit_breakers TO perdure_api;
