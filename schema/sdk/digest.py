"""Print the SHA-256 of all that the client packages are made of. Two equal ones make equal packages."""

import hashlib
from pathlib import Path

SDK = Path(__file__).parent
ROOT = SDK.parents[1]
PATTERNS = (
    "*.py",
    "*.sh",
    "README.md",
    "documents/*.graphql",
    "python/*.py",
    "python/*.toml",
    "python/*.txt",
    "python/tellgraph_client/*.py",
    "python/tellgraph_client/aio/*.py",
    "typescript/*.json",
    "typescript/src/*.ts",
)


def digest() -> str:
    """Return it in hexadecimal."""
    files = [ROOT / "app" / "__init__.py", SDK.parent / "schema.graphql"]
    files += [path for pattern in PATTERNS for path in sorted(SDK.glob(pattern)) if path.name != "_version.py"]
    whole = hashlib.sha256()
    for path in files:
        text = path.read_bytes()
        whole.update(f"{path.relative_to(ROOT)} {len(text)}\n".encode() + text)
    return whole.hexdigest()


if __name__ == "__main__":
    print(digest())  # noqa: T201  # a command
