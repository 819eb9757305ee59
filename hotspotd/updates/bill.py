"""What the software is made of, as a CycloneDX 1.6 document (ECMA-424). Pure.

From the lock file (which packages, which files of them are allowed, who asked for them) and from what the installed
packages say of their licences.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hotspotd.errors import Reason, UpdateError

SPEC: Final = "1.6"
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)(?:\s*;\s*[^\\]*)?\s*\\?")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ROOT: Final = "hotspotd"


@dataclass(frozen=True)
class Locked:
    """One package of the lock file: version, SHA-256 of each file that may be installed, and who asks for it."""

    name: str
    version: str
    sha256: tuple[str, ...]
    wanted_by: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A model that comes with the software."""

    name: str
    version: str
    licence: str
    sha256: str


def read_lock(text: str) -> list[Locked]:
    """The packages of a lock file of ``uv pip compile --generate-hashes``. Raises UpdateError (DAMAGED)."""
    found: list[Locked] = []
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text):
        if not block.strip() or block.startswith("#"):
            continue
        head = _REQUIREMENT.match(block)
        if head is None:
            raise UpdateError(Reason.DAMAGED, f"the lock file has {block.splitlines()[0]!r}", "Make it again.")
        hashes = tuple(_HASH.findall(block))
        if not hashes:
            raise UpdateError(Reason.DAMAGED, f"the lock file names no file of {head[1]}", "Make it again.")
        found.append(Locked(normalised(head[1]), head[2], hashes, _wanted_by(block)))
    return found


def _wanted_by(block: str) -> tuple[str, ...]:
    comments = [line.strip().lstrip("# ") for line in block.splitlines() if line.lstrip().startswith("#")]
    words = " ".join(comments).removeprefix("via").split()
    return tuple(sorted({normalised(word) for word in words if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", word)}))


def normalised(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a package's core metadata say: an SPDX expression, else a name, else its classifiers; nothing otherwise."""
    if expression := metadata.get("License-Expression"):
        return [{"expression": str(expression)}]
    named = str(metadata.get("License") or "").strip()
    if named and "\n" not in named and named.lower() != "unknown":
        return [{"license": {"name": named}}]
    classified = [one for one in metadata.get("Classifier", ()) if one.startswith("License :: ")]
    return [{"license": {"name": one.rpartition(" :: ")[2]}} for one in classified]


def bill(
    version: str,
    made_at: str,
    packages: Iterable[tuple[Locked, list[dict[str, Any]]]],
    models: Iterable[Part],
) -> dict[str, Any]:
    """The document: ``packages`` with their licences; ``made_at`` ISO 8601."""
    components: list[dict[str, Any]] = []
    depends: dict[str, list[str]] = {_ROOT: []}
    refs = {}
    packages = list(packages)
    for package, _ in packages:
        refs[package.name] = f"pkg:pypi/{package.name}@{package.version}"
        depends[refs[package.name]] = []
    for package, told in packages:
        ref = refs[package.name]
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": ref,
            "name": package.name,
            "version": package.version,
            "purl": ref,
        }
        component |= {"licenses": told} if told else {}
        components.append(component | {"hashes": [_sha256(one) for one in package.sha256]})
        for parent in package.wanted_by:
            depends[refs.get(parent, _ROOT)].append(ref)
    for model in models:
        ref = f"model:{model.name}@{model.version}"
        components.append(
            {
                "type": "machine-learning-model",
                "bom-ref": ref,
                "name": model.name,
                "version": model.version,
                "licenses": [{"license": {"name": model.licence}}],
                "hashes": [_sha256(model.sha256)],
            }
        )
        depends[_ROOT].append(ref)
    own = {"type": "application", "bom-ref": _ROOT, "name": _ROOT, "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            "timestamp": made_at,
            "component": own | {"licenses": [{"license": {"id": "Apache-2.0"}}]},
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(on))} for ref, on in depends.items()],
    }


def _sha256(content: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": content}
