-- Pictures that messages name by URL: asked for once, and from then on the same, whoever runs the session.
CREATE TABLE fetched_images (
    org_id     uuid NOT NULL REFERENCES organizations (id),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    message_id uuid NOT NULL,
    url_digest bytea NOT NULL,
    content    bytea,         -- NULL: it could not be had
    words      text NOT NULL, -- which stand for it then
    PRIMARY KEY (session_id, message_id, url_digest)
);
ALTER TABLE fetched_images ALTER COLUMN content SET STORAGE EXTERNAL; -- pictures are compressed already

GRANT SELECT ON fetched_images TO perdure_api;
GRANT SELECT, INSERT ON fetched_images TO perdure_engine;
ALTER TABLE fetched_images ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON fetched_images TO perdure_api, perdure_engine USING (org_id = (SELECT current_org()));
