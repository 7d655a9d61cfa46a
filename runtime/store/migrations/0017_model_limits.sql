-- Calls of models that wait, or are under way, where a provider has limits (PERDURE_MODEL__LIMITS); where it has none there
-- are no rows. They are the server's, and worth nothing after a crash of Postgres.
CREATE UNLOGGED TABLE IF NOT EXISTS model_tickets (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    text NOT NULL,
    flow        text NOT NULL,              -- who waits for their turn together: an organisation
    is_admitted boolean NOT NULL DEFAULT false,
    alive_until timestamptz NOT NULL        -- its process says so again and again; a dead one's tickets lapse
);
CREATE INDEX IF NOT EXISTS model_tickets_provider ON model_tickets (provider, is_admitted, flow, id);

-- By when a provider's buckets of requests and tokens will be full again (see runtime/core/rate.py); its row is the lock
-- under which calls are admitted.
CREATE UNLOGGED TABLE IF NOT EXISTS model_allowances (
    provider    text PRIMARY KEY,
    requests_at timestamptz NOT NULL DEFAULT now(),
    tokens_at   timestamptz NOT NULL DEFAULT now()
);

-- When a flow's turn was last. Whoever has not had one for an hour is as good as new.
CREATE UNLOGGED TABLE IF NOT EXISTS model_flows (
    provider  text NOT NULL,
    flow      text NOT NULL,
    served_at timestamptz NOT NULL,
    PRIMARY KEY (provider, flow)
);

-- Admits as many of those that wait as limits allow: flows in turn, those first of which the fewest calls are under way,
-- then whose last turn is longest ago, and the oldest call of each. A limit that is not set is NULL.
CREATE OR REPLACE FUNCTION admit_model_calls(which text, most bigint, requests_per_minute float8, tokens_per_minute float8)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    allowance model_allowances;
    moment timestamptz;
    free bigint;
    admitted bigint;
BEGIN
    INSERT INTO model_allowances (provider) VALUES (which) ON CONFLICT DO NOTHING;
    SELECT * INTO allowance FROM model_allowances WHERE provider = which FOR UPDATE;
    moment := clock_timestamp();
    DELETE FROM model_tickets WHERE provider = which AND alive_until < moment;
    DELETE FROM model_flows WHERE provider = which AND served_at < moment - interval '1 hour';
    SELECT coalesce(most, 1000000) - count(*) INTO free FROM model_tickets WHERE provider = which AND is_admitted;
    IF requests_per_minute IS NOT NULL THEN
        free := least(free, floor(
            (60 - greatest(0, extract(epoch FROM allowance.requests_at - moment))) * requests_per_minute / 60 + 1e-6));
    END IF;
    IF tokens_per_minute IS NOT NULL AND allowance.tokens_at - moment >= interval '60 s' THEN
        free := 0;
    END IF;
    IF free <= 0 THEN
        RETURN;
    END IF;
    WITH under_way AS (
        SELECT flow, count(*) AS calls FROM model_tickets WHERE provider = which AND is_admitted GROUP BY flow
    ), in_turn AS (
        SELECT t.id, f.served_at, row_number() OVER (PARTITION BY t.flow ORDER BY t.id) + coalesce(u.calls, 0) AS turn
        FROM model_tickets t LEFT JOIN under_way u USING (flow) LEFT JOIN model_flows f USING (provider, flow)
        WHERE t.provider = which AND NOT t.is_admitted
    ), chosen AS (
        UPDATE model_tickets SET is_admitted = true
        WHERE id IN (SELECT id FROM in_turn ORDER BY turn, served_at NULLS FIRST, id LIMIT free)
        RETURNING flow
    ), served AS (
        INSERT INTO model_flows (provider, flow, served_at) SELECT DISTINCT which, flow, moment FROM chosen
        ON CONFLICT (provider, flow) DO UPDATE SET served_at = excluded.served_at
    )
    SELECT count(*) INTO admitted FROM chosen;
    IF requests_per_minute IS NOT NULL AND admitted > 0 THEN
        UPDATE model_allowances
        SET requests_at = greatest(requests_at, moment) + make_interval(secs => admitted * 60 / requests_per_minute)
        WHERE provider = which;
    END IF;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON model_tickets, model_allowances, model_flows TO perdure_engine;
