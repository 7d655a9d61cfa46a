-- The last hour of what the cluster counted, so that a supervisor that begins anew, or a server, goes on where it was. It
-- is the server's, not an organisation's: numbers of all of them together.
CREATE TABLE metric_points (
    at    timestamptz PRIMARY KEY, -- when the point begins
    point json NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON metric_points TO perdure_engine;
