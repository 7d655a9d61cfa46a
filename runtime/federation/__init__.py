"""Identity providers, spoken to over HTTP: whom they vouch for (OpenID Connect, and OAuth 2 where there is no more)."""
