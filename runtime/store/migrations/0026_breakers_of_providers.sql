-- Actors ask every two seconds which breakers are not closed, and most are closed.
CREATE INDEX circuit_breakers_not_closed ON circuit_breakers (provider) WHERE state <> 'closed';

-- As in 0023, and now all that is known: a breaker of a provider that is gone would stay for ever.
CREATE OR REPLACE FUNCTION forget_model_calls() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    which text := 'provider_' || replace(OLD.id::text, '-', '');
BEGIN
    DELETE FROM model_allowances WHERE provider = which; -- first: who changes tickets waits for it
    DELETE FROM model_tickets WHERE provider = which;
    DELETE FROM model_flows WHERE provider = which;
    DELETE FROM circuit_breakers WHERE provider = which;
    RETURN NULL;
END
$$;
DELETE FROM circuit_breakers b WHERE provider ~ '^provider_[0-9a-f]{32}$'
    AND NOT EXISTS (SELECT FROM providers p WHERE 'provider_' || replace(p.id::text, '-', '') = b.provider);
