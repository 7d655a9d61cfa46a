-- What goes with a user who is erased: their accounts elsewhere, in whichever organisation, and what they pinned.
CREATE FUNCTION forget_erased_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secrets WHERE user_id = NEW.id;
    DELETE FROM pins WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER erased AFTER UPDATE OF status ON users FOR EACH ROW WHEN (NEW.status = 'erased')
    EXECUTE FUNCTION forget_erased_user();

-- What goes with a member who leaves: there they can neither see nor delete it any more.
CREATE FUNCTION forget_former_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secrets WHERE user_id = OLD.user_id AND org_id = OLD.org_id;
    DELETE FROM pins WHERE user_id = OLD.user_id AND org_id = OLD.org_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER removed AFTER DELETE ON members FOR EACH ROW EXECUTE FUNCTION forget_former_member();

-- What goes with an organisation in which nobody is left: its secrets at once, its sessions with their files after their
-- grace time, as if each had been deleted by request.
CREATE FUNCTION forget_deserted_organization() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secrets WHERE org_id = NEW.id;
    UPDATE sessions SET deleted_at = now(), updated_at = now() WHERE org_id = NEW.id AND deleted_at IS NULL;
    UPDATE workspaces SET status = 'deleted', deleted_at = now(), updated_at = now()
    WHERE org_id = NEW.id AND status <> 'deleted';
    RETURN NULL;
END
$$;
CREATE TRIGGER deserted AFTER UPDATE OF deleted_at ON organizations FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION forget_deserted_organization();

-- What was left of those who went before.
DELETE FROM secrets AS s USING users AS u WHERE u.id = s.user_id AND u.status = 'erased';
DELETE FROM pins AS p USING users AS u WHERE u.id = p.user_id AND u.status = 'erased';
DELETE FROM secrets WHERE org_id IN (SELECT id FROM organizations WHERE deleted_at IS NOT NULL);
UPDATE sessions AS s SET deleted_at = now(), updated_at = now() FROM organizations AS o
WHERE o.id = s.org_id AND o.deleted_at IS NOT NULL AND s.deleted_at IS NULL;
