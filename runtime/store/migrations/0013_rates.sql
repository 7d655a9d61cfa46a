-- What clients have used of their rates: by when each bucket will be full again, of those that are not (see
-- runtime/core/rate.py). Front doors tell it each second, so it is kept out of the log: after a crash it begins anew.
CREATE UNLOGGED TABLE IF NOT EXISTS rate_usage (
    key     text PRIMARY KEY,
    full_at timestamptz NOT NULL
) WITH (fillfactor = 50); -- each row is rewritten all the time, and finds its room in its page
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_usage TO perdure_api;
