-- Whose accounts elsewhere a session may use: those of users who are members of its organisation and have said something
-- in it. The engine's role knows nothing of users, and is told no more than this.
CREATE FUNCTION speaks_in(session uuid, speaker uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM sessions s JOIN members m ON m.org_id = s.org_id JOIN users u ON u.id = m.user_id
        WHERE s.id = session AND u.id = speaker AND u.status = 'active'
    ) AND EXISTS (
        SELECT FROM events e
        WHERE e.session_id = session AND e.type = 'input.message'
          AND e.body -> 'data' ->> 'user_id' = 'user_' || replace(speaker::text, '-', '')
    );
END;
REVOKE EXECUTE ON FUNCTION speaks_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION speaks_in TO perdure_engine;
