-- Titles, apart from the heads, which are rewritten in each turn: to find one by a part of it takes an index of many
-- entries a title. Only sessions that have one and were not deleted are here. Triggers keep it, so that code of any
-- version does.
CREATE TABLE session_titles (
    id         uuid PRIMARY KEY,
    agent_id   uuid,
    title      text NOT NULL,
    created_at timestamptz NOT NULL
);

-- Every three letters that follow each other, and the last two and the last one: with an index of them every substring
-- can be looked up. Postgres has an extension for this, which not every role may create, nor every server has.
CREATE FUNCTION title_grams(title text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text := lower(title);
BEGIN
    RETURN array_to_tsvector(ARRAY(SELECT substr(folded, i, 3) FROM generate_series(1, length(folded)) AS i));
END
$$;

-- What is in the grams of every title with that substring; of a long one the beginning.
CREATE FUNCTION title_query(search text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg(
        '''' || replace(replace(substr(folded, i, 3), '\', '\\'), '''', '''''') || ''''
            || CASE WHEN length(folded) < 3 THEN ':*' ELSE '' END,
        ' & '
    )::tsquery
    FROM (SELECT lower(search) AS folded) AS f, generate_series(1, greatest(1, least(32, length(folded) - 2))) AS i
);

CREATE FUNCTION keep_session_title() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title <> '' AND NEW.deleted_at IS NULL THEN
        INSERT INTO session_titles (id, agent_id, title, created_at)
        VALUES (NEW.id, NEW.agent_id, NEW.title, NEW.created_at)
        ON CONFLICT (id) DO UPDATE SET title = excluded.title;
    ELSE
        DELETE FROM session_titles WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_titled AFTER INSERT ON sessions
    FOR EACH ROW WHEN (NEW.title <> '') EXECUTE FUNCTION keep_session_title();
CREATE TRIGGER sessions_retitled AFTER UPDATE OF title, deleted_at ON sessions
    FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
    EXECUTE FUNCTION keep_session_title();
