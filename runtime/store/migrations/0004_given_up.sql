-- Sessions that killed their actor even while their turn was being failed: left alone until somebody releases them.
ALTER TABLE sessions ADD COLUMN given_up boolean NOT NULL DEFAULT false;
