-- Pictures that people upload and show to models in messages. Of one that was uploaded for a session, the session decides
-- how long it stays; any other stays until it is deleted.
CREATE TABLE images (
    org_id       uuid NOT NULL REFERENCES organizations (id),
    id           uuid NOT NULL,
    session_id   uuid REFERENCES sessions (id) ON DELETE CASCADE,
    filename     text NOT NULL,
    content_type text NOT NULL,
    content      bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
ALTER TABLE images ALTER COLUMN content SET STORAGE EXTERNAL; -- pictures are compressed already
CREATE INDEX images_session ON images (session_id) WHERE session_id IS NOT NULL;

GRANT SELECT, INSERT, DELETE ON images TO perdure_api;
GRANT SELECT ON images TO perdure_engine;
ALTER TABLE images ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON images TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));
