"""Who may do what: roles in an organisation, the scopes that they grant, and the principal that a request acts as."""
