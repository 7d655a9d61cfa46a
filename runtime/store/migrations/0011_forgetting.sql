-- A deleted session is out of sight at once, and gone after a grace time: its log, files and keys with it. The law that the
-- log is only appended to stays for all others: there is no other way to take events out than `forget_session`.

-- An organisation's own times, in days; NULL: the server's. Without a retention sessions are kept until they are deleted.
ALTER TABLE organizations
    ADD COLUMN deletion_grace_days integer CHECK (deletion_grace_days BETWEEN 0 AND 3650),
    ADD COLUMN retention_days integer CHECK (retention_days BETWEEN 1 AND 36500);

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('perdure.forgetting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: % is not allowed', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

-- What an audit says stays, whoever forgets what.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is not allowed', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER audit_append_only ON audit;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Takes up to `most` events of a deleted session out, and once none is left all else that is kept of it. True if nothing is.
-- Its workspace goes along unless it has a name, or another session uses it.
CREATE FUNCTION forget_session(session uuid, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own_workspace uuid;
    taken integer;
BEGIN
    PERFORM FROM sessions WHERE id = session AND deleted_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    DELETE FROM snapshots WHERE session_id = session;
    PERFORM set_config('perdure.forgetting', 'on', true); -- an owner who is no superuser may not write it above
    DELETE FROM events e USING (
        SELECT sequence FROM events WHERE session_id = session ORDER BY sequence DESC LIMIT most
    ) AS last WHERE e.session_id = session AND e.sequence = last.sequence;
    GET DIAGNOSTICS taken = ROW_COUNT;
    PERFORM set_config('perdure.forgetting', 'off', true);
    IF taken = most THEN
        RETURN false;
    END IF;
    DELETE FROM key_values WHERE session_id = session;
    UPDATE sessions SET parent_id = NULL WHERE parent_id = session;
    DELETE FROM sessions WHERE id = session RETURNING workspace_id INTO own_workspace;
    DELETE FROM workspaces w
    WHERE w.id = own_workspace AND w.name IS NULL
      AND NOT EXISTS (SELECT FROM sessions s WHERE s.workspace_id = own_workspace);
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION forget_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_session TO perdure_engine;

-- Sessions whose time is over: deleted long enough ago, the longest first.
CREATE FUNCTION sessions_to_forget(grace_days integer, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    SELECT s.id FROM sessions s JOIN organizations o ON o.id = s.org_id
    WHERE s.deleted_at < now() - make_interval(days => coalesce(o.deletion_grace_days, grace_days))
    ORDER BY s.deleted_at LIMIT most;
END;
REVOKE EXECUTE ON FUNCTION sessions_to_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sessions_to_forget TO perdure_engine;

-- Deletes up to `most` sessions that have rested longer than their organisation keeps them. They are looked for among those
-- that are as old: an index of `updated_at` would cost each turn a new entry in every index of its session's row.
CREATE FUNCTION delete_outdated_sessions(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH outdated AS (
        SELECT s.id FROM organizations o CROSS JOIN LATERAL (
            SELECT id FROM sessions
            WHERE org_id = o.id AND deleted_at IS NULL AND status IN ('started', 'idle')
              AND created_at < now() - make_interval(days => o.retention_days)
              AND updated_at < now() - make_interval(days => o.retention_days)
            LIMIT most
        ) AS s
        WHERE o.retention_days IS NOT NULL
        LIMIT most
    ), gone AS (
        UPDATE sessions s SET deleted_at = now(), updated_at = now() FROM outdated o WHERE s.id = o.id RETURNING 1
    )
    SELECT count(*)::integer FROM gone;
END;
REVOKE EXECUTE ON FUNCTION delete_outdated_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_outdated_sessions TO perdure_engine;
