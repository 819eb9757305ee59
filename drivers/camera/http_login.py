"""What a network camera is told about who asks: HTTP Basic (RFC 7617) and Digest (RFC 7616). Pure code.

Of Digest, MD5 and SHA-256 with quality of protection ``auth`` or none (RFC 2069, as old cameras have it) are known.
"""

from __future__ import annotations

import base64
import hashlib
import re

# RFC 7616 clause 3.3: name=token or name="quoted".
_FIELD = re.compile(r'([a-zA-Z-]+)\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"|([^\s,"]{1,200}))')
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


def basic(user: str, password: str) -> str:
    """The Authorization field for Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def digest(challenge: str, user: str, password: str, target: str, client_nonce: str) -> str | None:
    """The Authorization field that answers a WWW-Authenticate field's ``challenge`` to GET ``target``.

    ``None`` where the challenge is not Digest, or asks for what is not known here. ``client_nonce`` is fresh random
    text of hexadecimal digits.
    """
    scheme, _, rest = challenge.strip().partition(" ")
    fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest[:4000])}
    algorithm = _HASHES.get(fields.get("algorithm", "MD5").upper())
    offered = [each.strip() for each in fields.get("qop", "").split(",")]
    if scheme.lower() != "digest" or algorithm is None or "nonce" not in fields or not {"", "auth"} & set(offered):
        return None
    realm, nonce = fields.get("realm", ""), fields["nonce"]

    def hashed(*parts: str) -> str:
        return hashlib.new(algorithm, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

    who, what = hashed(user, realm, password), hashed("GET", target)
    if "auth" in offered:
        count = "00000001"
        response = hashed(who, nonce, count, client_nonce, "auth", what)
        more = f', qop=auth, nc={count}, cnonce="{client_nonce}"'
    else:
        response, more = hashed(who, nonce, what), ""
    if "algorithm" in fields:
        more += f", algorithm={fields['algorithm']}"
    if "opaque" in fields:
        more += f', opaque="{fields["opaque"]}"'
    return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{target}", response="{response}"{more}'
