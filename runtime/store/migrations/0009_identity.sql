-- Who there is: users, their organisations, and what they show. Nothing here belongs to one organisation but what says so.

CREATE TABLE organizations (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    settings   json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

-- An address is kept as people write it, and is one whatever its case. An erased user keeps an id, and nothing else.
CREATE TABLE users (
    id              uuid PRIMARY KEY,
    email           text,
    name            text NOT NULL DEFAULT '',
    avatar_url      text,
    password_hash   text,
    is_system_admin boolean NOT NULL DEFAULT false,
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'erased')),
    home_org_id     uuid REFERENCES organizations (id),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- What an identity provider calls a user.
CREATE TABLE user_identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id);

CREATE TABLE members (
    org_id     uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

-- Of a token only its digest is kept. Without scopes it is good for all that its user may do.
CREATE TABLE tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text NOT NULL,
    digest       bytea NOT NULL UNIQUE,
    shown_prefix text NOT NULL,
    scopes       text[],
    is_anonymous boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX tokens_user ON tokens (user_id, created_at DESC);

-- A login lasts as long as its refresh tokens are handed in one after the other; one that comes twice ends it. Of the
-- newest only the digest is kept; each follows from the one before, so `rotations` bounds how far back one may lie.
CREATE TABLE logins (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest      bytea NOT NULL UNIQUE,
    rotations   integer NOT NULL DEFAULT 0,
    rotated_at  timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    revoked_for text,
    address     text,
    user_agent  text
);
CREATE INDEX logins_user ON logins (user_id, created_at DESC);

-- Attempts to log in, by account and by address: what was not taken back failed. `beyond` is how many there are beyond
-- those that cost nothing.
CREATE TABLE login_attempts (
    subject       text PRIMARY KEY,
    beyond        integer NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    is_admitted   boolean NOT NULL
);
CREATE INDEX login_attempts_last ON login_attempts (last_at);

-- Who did what, from where and why. Kept when the user is erased and the thing is gone.
CREATE TABLE audit (
    id            uuid PRIMARY KEY,
    org_id        uuid,
    at            timestamptz NOT NULL DEFAULT now(),
    user_id       uuid,
    credential_id text,
    action        text NOT NULL,
    subject_kind  text NOT NULL,
    subject_id    text,
    before        json,
    after         json,
    reason        text,
    address       text,
    user_agent    text,
    request_id    text
);
CREATE INDEX audit_newest ON audit (org_id, id DESC);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Grows with each change of who may do what: front doors, which remember that, ask for it twice a second.
CREATE TABLE access_revision (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    revision bigint NOT NULL DEFAULT 1
);
INSERT INTO access_revision DEFAULT VALUES;

CREATE FUNCTION note_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_revision SET revision = revision + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_change_access AFTER UPDATE OF status, is_system_admin, home_org_id OR DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();
CREATE TRIGGER members_change_access AFTER INSERT OR UPDATE OR DELETE ON members
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();
CREATE TRIGGER tokens_change_access AFTER UPDATE OF scopes, expires_at, revoked_at OR DELETE ON tokens
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();
CREATE TRIGGER logins_change_access AFTER UPDATE OF revoked_at OR DELETE ON logins
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();
CREATE TRIGGER organizations_change_access AFTER UPDATE OF deleted_at OR DELETE ON organizations
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();

-- Where everything was before there were organisations, and who everybody is where nobody logs in.
INSERT INTO organizations (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'Default');
INSERT INTO users (id, name, is_system_admin, home_org_id)
VALUES ('00000000-0000-0000-0000-000000000001', 'Anonymous', true, '00000000-0000-0000-0000-000000000001');
INSERT INTO members (org_id, user_id, role)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001', 'owner');
