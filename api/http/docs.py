"""The API's page: Swagger UI, of which a package brings the files. It loads nothing from elsewhere, nor can it."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Final

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

FILES: Final = StaticFiles(packages=[("fastapi_swagger", "resources")])
_OPTIONS: Final = {"docExpansion": "none", "filter": True, "validatorUrl": None}
_SCRIPT: Final = re.compile("<script>(.*?)</script>", re.DOTALL)


def page(files: str) -> HTMLResponse:
    """Return the page. `files` is where its files are, seen from it; the document lies beside it."""
    made = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Perdure API",
        swagger_js_url=f"{files}/swagger-ui-bundle.js",
        swagger_css_url=f"{files}/swagger-ui.css",
        swagger_favicon_url=f"{files}/favicon-32x32.png",
        swagger_ui_parameters=_OPTIONS,
    )
    made.headers["Content-Security-Policy"] = _policy(bytes(made.body).decode())
    return made


def _policy(html: str) -> str:
    """Let the page use this server only, and run of what is written in it nothing but what is written there now."""
    own = " ".join(f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in _SCRIPT.findall(html))
    return (
        f"default-src 'none'; script-src 'self' {own}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
