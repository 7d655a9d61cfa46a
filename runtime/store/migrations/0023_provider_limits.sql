-- Limits of organisations' own providers, beside those of the server's (PERDURE_MODEL__LIMITS). NULL: as much as there is.
ALTER TABLE providers
    ADD COLUMN concurrent          integer CHECK (concurrent > 0),
    ADD COLUMN requests_per_minute integer CHECK (requests_per_minute > 0),
    ADD COLUMN tokens_per_minute   bigint CHECK (tokens_per_minute > 0);

-- At which rates the two moments were counted: limits change while calls wait, and what is owed is owed at the new rate.
ALTER TABLE model_allowances
    ADD COLUMN requests_rate float8,
    ADD COLUMN tokens_rate   float8;

-- Returns by when a bucket is full again that was counted at another rate. What a lower one makes longer is no longer than
-- a whole bucket: nobody waits for hours because a limit was set.
CREATE FUNCTION recounted(full_at timestamptz, moment timestamptz, before float8, after float8)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT CASE
    WHEN after IS NULL OR before IS NULL THEN moment
    WHEN before = after OR full_at <= moment THEN full_at
    ELSE least(
        moment + make_interval(secs => extract(epoch FROM full_at - moment)::float8 * before / after),
        greatest(full_at, moment + interval '60 s'))
END
$$;

-- As in 0017, and now with limits that change.
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
    IF (allowance.requests_rate, allowance.tokens_rate) IS DISTINCT FROM (requests_per_minute, tokens_per_minute) THEN
        UPDATE model_allowances
        SET requests_at = recounted(requests_at, moment, requests_rate, requests_per_minute),
            tokens_at = recounted(tokens_at, moment, tokens_rate, tokens_per_minute),
            requests_rate = requests_per_minute, tokens_rate = tokens_per_minute
        WHERE provider = which RETURNING * INTO allowance;
    END IF;
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

-- What is known of a provider's calls goes with it.
CREATE FUNCTION forget_model_calls() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    which text := 'provider_' || replace(OLD.id::text, '-', '');
BEGIN
    DELETE FROM model_allowances WHERE provider = which;
    DELETE FROM model_flows WHERE provider = which;
    RETURN NULL;
END
$$;
CREATE TRIGGER providers_forget_calls AFTER DELETE ON providers FOR EACH ROW EXECUTE FUNCTION forget_model_calls();
