-- What of a provider's credentials is no secret, by its name in the form: a region, a project. JSON.
ALTER TABLE providers ADD COLUMN details text NOT NULL DEFAULT '{}';
