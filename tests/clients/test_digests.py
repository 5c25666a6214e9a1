"""A receiver computes `Tellgraph-Digest` from the parsed payload, in Python and in JavaScript, as the docs say."""

import hashlib
import json
import shutil
import subprocess

import orjson
import pytest

PAYLOAD = {
    "data": {
        "node": {
            "text": 'größer \u2028 "x" \\ / \t\b\f\x7f\x01😀\ufeff',
            "rate": 0.1,
            "cents": 2**53,
            "all": [True, None],
        }
    }
}
#: The bytes as Tellgraph renders them.
RENDERED = orjson.dumps(PAYLOAD)
DIGEST = hashlib.sha256(RENDERED).hexdigest()
PROGRAM = """
const { payload } = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(require("crypto").createHash("sha256").update(JSON.stringify(payload)).digest("hex"));
"""


def test_in_python() -> None:
    text = json.dumps(json.loads(RENDERED), separators=(",", ":"), ensure_ascii=False)

    assert hashlib.sha256(text.encode()).hexdigest() == DIGEST


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_in_javascript() -> None:
    body = b'{"payload":%b}' % RENDERED
    done = subprocess.run(["node", "-e", PROGRAM], input=body, capture_output=True, check=True)

    assert done.stdout.decode() == DIGEST
