-- no-transaction
-- What goes, goes in parts, however much of it there is: logins that are over, and what an organisation leaves behind.
DROP INDEX CONCURRENTLY IF EXISTS logins_expiry;

CREATE INDEX CONCURRENTLY logins_expiry ON logins (expires_at);

DROP INDEX CONCURRENTLY IF EXISTS pins_user;

CREATE INDEX CONCURRENTLY pins_user ON pins (user_id);

-- A login that is over is kept for as long again as it could have gone on, for its user to see; then it goes.
CREATE OR REPLACE FUNCTION forget_logins(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM logins WHERE id IN (
            SELECT id FROM logins WHERE expires_at < now() - make_interval(days => 30) ORDER BY expires_at LIMIT most
        ) RETURNING 1
    )
    SELECT count(*)::integer FROM gone;
END;

REVOKE EXECUTE ON FUNCTION forget_logins FROM PUBLIC;

GRANT EXECUTE ON FUNCTION forget_logins TO perdure_engine;

-- One that is over is worth nothing already: when it goes, front doors need not ask again who may do what.
CREATE OR REPLACE TRIGGER logins_change_access AFTER UPDATE OF revoked_at ON logins
    FOR EACH STATEMENT EXECUTE FUNCTION note_access_change();

CREATE OR REPLACE TRIGGER gone_logins_change_access AFTER DELETE ON logins
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND OLD.expires_at > now()) EXECUTE FUNCTION note_access_change();

-- When it is next looked for what an organisation has left behind in which nobody is left; NULL: there is nothing.
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS empty_at timestamptz;

DROP INDEX CONCURRENTLY IF EXISTS organizations_to_empty;

CREATE INDEX CONCURRENTLY organizations_to_empty ON organizations (empty_at) WHERE empty_at IS NOT NULL;

-- What goes with an organisation in which nobody is left: its secrets at once. The rest goes in parts, for there may be much.
CREATE OR REPLACE FUNCTION forget_deserted_organization() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secrets WHERE org_id = NEW.id;
    UPDATE organizations SET empty_at = now() WHERE id = NEW.id;
    RETURN NULL;
END
$$;

-- Takes up to `most` things that one such organisation has left: its sessions as if each had been deleted by request, then its
-- named workspaces; once its grace time is over and its sessions are gone, what workspaces there are, with their files, and its
-- pictures. What somebody is writing in this moment waits. Returns how many, and 0 only if no organisation is to be looked at.
CREATE OR REPLACE FUNCTION empty_organization(grace_days integer, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    org uuid;
    due_at timestamptz;
    is_due boolean;
    taken integer;
BEGIN
    SELECT id, deleted_at + make_interval(days => coalesce(deletion_grace_days, grace_days)) INTO org, due_at
    FROM organizations WHERE empty_at <= now() ORDER BY empty_at LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        UPDATE sessions SET deleted_at = now(), updated_at = now() WHERE id IN (
            SELECT id FROM sessions WHERE org_id = org AND deleted_at IS NULL LIMIT most FOR UPDATE SKIP LOCKED
        ) RETURNING workspace_id
    ), emptied AS (
        UPDATE workspaces SET status = 'deleted', deleted_at = now(), updated_at = now()
        WHERE org_id = org AND id IN (SELECT workspace_id FROM gone) AND name IS NULL AND status <> 'deleted'
    )
    SELECT count(*) INTO taken FROM gone;
    IF taken = 0 THEN
        UPDATE workspaces SET status = 'deleted', deleted_at = now(), updated_at = now() WHERE id IN (
            SELECT id FROM workspaces WHERE org_id = org AND name IS NOT NULL AND status <> 'deleted'
            LIMIT most FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS taken = ROW_COUNT;
    END IF;
    is_due := due_at <= now() AND NOT EXISTS (SELECT FROM sessions WHERE org_id = org AND deleted_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM sessions WHERE org_id = org AND deleted_at IS NULL);
    IF taken = 0 AND is_due THEN
        DELETE FROM workspaces WHERE id = (SELECT id FROM workspaces WHERE org_id = org LIMIT 1);
        GET DIAGNOSTICS taken = ROW_COUNT;
    END IF;
    IF taken = 0 AND is_due THEN
        DELETE FROM images WHERE org_id = org AND id IN (SELECT id FROM images WHERE org_id = org LIMIT 10);
        GET DIAGNOSTICS taken = ROW_COUNT;
    END IF;
    IF taken > 0 THEN
        RETURN taken;
    END IF;
    UPDATE organizations SET empty_at = CASE
        WHEN EXISTS (SELECT FROM sessions WHERE org_id = org AND deleted_at IS NULL) THEN now() + interval '1 minute'
        WHEN due_at > now() THEN due_at
        WHEN NOT is_due THEN now() + interval '1 hour' -- until its sessions are gone
    END WHERE id = org;
    RETURN 1;
END
$$;

REVOKE EXECUTE ON FUNCTION empty_organization FROM PUBLIC;

GRANT EXECUTE ON FUNCTION empty_organization TO perdure_engine;

-- Sessions whose time is over: deleted long enough ago, the longest first. From organisation to organisation that has such
-- sessions, along the index: how many others there are does not matter.
CREATE OR REPLACE FUNCTION sessions_to_forget(grace_days integer, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH RECURSIVE concerned (org_id) AS (
        (SELECT org_id FROM sessions WHERE deleted_at IS NOT NULL ORDER BY org_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT s.org_id FROM sessions s WHERE s.deleted_at IS NOT NULL AND s.org_id > c.org_id ORDER BY s.org_id LIMIT 1
        ) FROM concerned c WHERE c.org_id IS NOT NULL
    )
    SELECT s.id FROM concerned c CROSS JOIN LATERAL (
        SELECT now() - make_interval(days => coalesce(
            (SELECT o.deletion_grace_days FROM organizations o WHERE o.id = c.org_id), grace_days
        )) AS since
    ) AS kept CROSS JOIN LATERAL (
        SELECT id, deleted_at FROM sessions WHERE org_id = c.org_id AND deleted_at < kept.since
        ORDER BY deleted_at LIMIT most
    ) AS s
    ORDER BY s.deleted_at LIMIT most;
END;

-- What was left of those who went before.
UPDATE organizations SET empty_at = now() WHERE deleted_at IS NOT NULL AND empty_at IS NULL;

DELETE FROM secrets s WHERE user_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM members m WHERE m.user_id = s.user_id AND m.org_id = s.org_id);

DELETE FROM pins p WHERE NOT EXISTS (SELECT FROM members m WHERE m.user_id = p.user_id AND m.org_id = p.org_id);
