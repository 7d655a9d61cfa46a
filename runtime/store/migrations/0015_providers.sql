-- Providers of models that an organisation has beside those of the server's environment, and what it says of their models.

-- A built-in provider (one of the environment's, or the simulated one) has a row only where somebody said something of it
-- or of one of its models; keys are among the secrets. `is_trusted` providers may be inside: an administrator of the server said
-- where they are.
CREATE TABLE providers (
    org_id         uuid NOT NULL REFERENCES organizations (id),
    id             uuid NOT NULL,
    type           text NOT NULL,
    name           text NOT NULL,
    is_built_in    boolean NOT NULL DEFAULT false,
    base_url       text,
    is_trusted     boolean NOT NULL DEFAULT false,
    trace          text,
    status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    last_synced_at timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX providers_name ON providers (org_id, lower(name));

CREATE TABLE models (
    org_id       uuid NOT NULL,
    id           uuid NOT NULL,
    provider_id  uuid NOT NULL,
    name         text NOT NULL,
    display_name text NOT NULL,
    source       text NOT NULL CHECK (source IN ('manual', 'discovered', 'predefined')),
    capabilities text NOT NULL DEFAULT '[]',
    is_enabled   boolean NOT NULL DEFAULT true,
    is_favorite  boolean NOT NULL DEFAULT false,
    is_stale     boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, provider_id, name),
    FOREIGN KEY (org_id, provider_id) REFERENCES providers (org_id, id) ON DELETE CASCADE
);

-- Grows with each change of what models an organisation has: actors, which remember that, ask for it twice a second.
CREATE TABLE models_revision (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    revision bigint NOT NULL DEFAULT 1
);
INSERT INTO models_revision DEFAULT VALUES;

-- Whoever changes a provider may change nothing else in here, so it is done as the owner of the tables.
CREATE FUNCTION note_models_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE models_revision SET revision = revision + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER providers_change_models AFTER INSERT OR UPDATE OR DELETE ON providers
    FOR EACH STATEMENT EXECUTE FUNCTION note_models_change();
CREATE TRIGGER models_change_models AFTER INSERT OR UPDATE OR DELETE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION note_models_change();
CREATE TRIGGER organizations_change_models AFTER UPDATE OF settings ON organizations
    FOR EACH STATEMENT EXECUTE FUNCTION note_models_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON providers, models TO perdure_api;
GRANT SELECT ON models_revision TO perdure_api, perdure_engine;
GRANT SELECT ON providers, models TO perdure_engine;
GRANT SELECT (id, settings, deleted_at) ON organizations TO perdure_engine;

ALTER TABLE providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE models ENABLE ROW LEVEL SECURITY;

-- Actors serve many organisations; each asks for what a session of one of them needs.
CREATE POLICY own ON providers TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY own ON models TO perdure_api USING (org_id = (SELECT current_org()));
CREATE POLICY every ON providers FOR SELECT TO perdure_engine USING (true);
CREATE POLICY every ON models FOR SELECT TO perdure_engine USING (true);
