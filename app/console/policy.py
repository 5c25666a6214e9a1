"""Content-Security-Policy and the other headers of the console: everything stays on one origin."""

from collections.abc import Mapping

BASE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "connect-src": "'self'",
    # Mantine, Monaco and Voyager write style elements while they run.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


def _policy(directives: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


# The composer's editor checks its query in a worker, as GraphiQL does.
CONSOLE_POLICY = _policy(BASE | {"worker-src": "'self'"})
GRAPHIQL_POLICY = CONSOLE_POLICY
# Voyager lays its graph out with Graphviz: WebAssembly, in a worker that it makes from a blob. It keeps the drawing as
# a data: URL, and fetches that when the page is opened again.
VOYAGER_POLICY = _policy(
    BASE | {"script-src": "'self' 'wasm-unsafe-eval'", "connect-src": "'self' data:", "worker-src": "blob:"}
)
NOT_BUILT_POLICY = _policy(BASE | {"script-src": "'none'", "connect-src": "'none'", "style-src": "'unsafe-inline'"})
# The documentation runs no scripts, and its search is a form.
DOCS_POLICY = _policy(
    BASE | {"script-src": "'none'", "connect-src": "'none'", "style-src": "'self'", "form-action": "'self'"}
)
# A worker's own file brings the policy that the worker runs under.
ASSET_POLICY = _policy({"default-src": "'none'", "script-src": "'self'", "frame-ancestors": "'none'"})


def security_headers(policy: str) -> dict[str, str]:
    """Give the headers that every answer of the console carries."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
