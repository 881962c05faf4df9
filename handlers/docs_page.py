"""The page that shows the OpenAPI document, by Swagger UI from a content delivery network.

What the network serves runs with the reader's key in reach, so one version is pinned with the hashes of its
files, and the page's policy lets nothing else run: a browser refuses files that were changed.
"""

from __future__ import annotations

import base64
import hashlib

PATH = "/docs"

_FOLDER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0"
_SCRIPT_URL = f"{_FOLDER}/swagger-ui-bundle.js"
_SCRIPT_HASH = "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"
_STYLE_URL = f"{_FOLDER}/swagger-ui.css"
_STYLE_HASH = "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"
# Beside the page, wherever a stage or a proxy has put it.
_START = """
const page = location.href.replace(/[?#].*$/, "").replace(/\\/$/, "");
SwaggerUIBundle({url: new URL("openapi.json", page).href, dom_id: "#swagger-ui", deepLinking: true});
"""
_START_HASH = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()

POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_SCRIPT_URL} 'sha256-{_START_HASH}'",
        f"style-src {_STYLE_URL}",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rootnote</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{_STYLE_URL}" integrity="{_STYLE_HASH}" crossorigin="anonymous">
<div id="swagger-ui"></div>
<script src="{_SCRIPT_URL}" integrity="{_SCRIPT_HASH}" crossorigin="anonymous"></script>
<script>{_START}</script>
</html>
"""
