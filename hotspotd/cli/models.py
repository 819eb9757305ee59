"""``hotspotctl models``: which models there are, installing them with their hash checked, and taking them away."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import msgspec

from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.biometrics.runtime import Model
from hotspotd.cli.model_folder import Listed, bring, keep_ones_own, listed
from hotspotd.cli.output import Exit, complain, print_json, print_table
from hotspotd.config import Config, load, resolve
from hotspotd.errors import BiometricError, ConfigError, HotspotError, Reason

# Beside the checkout's package, or where a package of the system puts it.
CATALOGUES = (Path(__file__).resolve().parents[2] / "config" / "models", Path("/usr/share/hotspotd/models"))

_EPILOG = """\
examples:
  hotspotctl models list --config /etc/hotspotd/hotspotd.toml
  hotspotctl models install blazeface face-mesh --from /media/usb --folder /etc/hotspotd/models
  hotspotctl models install blazeface --folder /etc/hotspotd/models
  hotspotctl models install our-embedder --manifest our-embedder.toml --from ours.tflite --folder ./models
  hotspotctl models verify --config /etc/hotspotd/hotspotd.toml
  hotspotctl models remove mobilefacenet --folder /etc/hotspotd/models

exit codes: 0 fine, 1 a model is damaged or cannot be run here, 2 wrong usage, 3 it could not be done
"""


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "models",
        help="list, install, verify and remove models",
        description="Looks after the models that read faces. A model is a file and a manifest that says what it is,\n"
        "who may use it and its SHA-256: a file of another hash is neither installed nor opened.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, what: str, run: Callable[[argparse.Namespace], Exit]) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=what, description=what, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        made.add_argument("--folder", type=Path, metavar="DIR", help="folder of installed models")
        made.add_argument("--config", type=Path, metavar="FILE", help="take the folder from this configuration")
        made.add_argument("--json", action="store_true", help="print the result as JSON")
        made.set_defaults(run=run)
        return made

    listing = command("list", "show the models of the catalogue and those that are installed", _list)
    listing.add_argument("--catalogue", type=Path, metavar="DIR", help="folder of manifests without files")
    install = command("install", "install models, hash checked, from a folder, a file or a URL", _install)
    install.add_argument("names", nargs="+", metavar="NAME")
    install.add_argument(
        "--from", dest="origin", metavar="WHERE", help="folder, file or URL; by default the URL of the manifest"
    )
    install.add_argument("--manifest", type=Path, metavar="FILE", help="manifest of the one model named")
    install.add_argument("--catalogue", type=Path, metavar="DIR", help="folder of manifests without files")
    verify = command("verify", "check hashes of installed models, and run each once", _verify)
    verify.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    remove = command("remove", "take installed models away", _remove)
    remove.add_argument("names", nargs="+", metavar="NAME")


def _list(arguments: argparse.Namespace) -> Exit:
    config, folder = _site(arguments, required=False)
    used = _used(config)
    found: dict[str, Listed] = {}
    places = [(_catalogue(arguments.catalogue), "available"), (BUNDLED, "bundled"), (folder, "installed")]
    problems = False
    for place, state in places:
        for path in sorted(place.glob("*.toml")) if place else ():
            try:
                manifest = load_manifest(path)
            except BiometricError as error:
                complain(str(error))
                problems = True
                continue
            if state == "installed" and not manifest.path.exists():
                continue
            found[manifest.name] = listed(manifest, state, used)
    models = sorted(found.values(), key=lambda one: (one.role, one.name))
    if arguments.json:
        print_json({"folder": str(folder) if folder else None, "models": models})
    else:
        rows = [
            (one.name, one.role, one.grade, one.state + (", used" if one.used else ""), _size(one.bytes), one.licence)
            for one in models
        ]
        print_table(("model", "role", "grade", "state", "size", "licence"), rows)
        for one in models:
            if one.problem:
                complain(one.problem)
    return Exit.PROBLEMS if problems or any(one.state == "damaged" for one in models) else Exit.OK


def _install(arguments: argparse.Namespace) -> Exit:
    _, folder = _site(arguments, required=True)
    assert folder is not None  # noqa: S101  # For the type checker: required.
    if arguments.manifest and len(arguments.names) > 1:
        complain("--manifest is for one model")
        return Exit.USAGE
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for name in arguments.names:
        path = _manifest_path(name, arguments)
        manifest = load_manifest(path)
        if manifest.name != name:
            raise BiometricError(Reason.MODEL_SHAPE, f"manifest {path} calls itself {manifest.name!r}", "Name it so.")
        if arguments.manifest is None:
            keep_ones_own(path, folder / f"{name}.toml")
        kept = bring(manifest, path, folder, arguments.origin)
        done.append(kept)
        if not arguments.json:
            print(f"{kept.name}: {kept.path}, SHA-256 as its manifest says. Grade {kept.grade}. {kept.users}")
    if arguments.json:
        print_json({"folder": str(folder), "installed": done})
    return Exit.OK


def _verify(arguments: argparse.Namespace) -> Exit:
    config, folder = _site(arguments, required=True)
    names = arguments.names or sorted(path.stem for path in _folder(folder).glob("*.toml"))
    found = []
    for name in names:
        manifest = load_manifest(_folder(folder) / f"{name}.toml")
        one = listed(manifest, "installed", _used(config))
        if not one.problem:
            try:
                Model(manifest)
            except BiometricError as error:
                one = msgspec.structs.replace(one, state="damaged", problem=str(error))
        found.append(one)
    if arguments.json:
        print_json({"folder": str(folder), "models": found})
    else:
        rows = [(one.name, one.role, one.grade, one.problem or "whole, ran once") for one in found]
        print_table(("model", "role", "grade", "state"), rows)
    return Exit.PROBLEMS if any(one.problem for one in found) else Exit.OK


def _remove(arguments: argparse.Namespace) -> Exit:
    config, folder = _site(arguments, required=True)
    paths = [_folder(folder) / f"{name}.toml" for name in arguments.names]
    for name, path in zip(arguments.names, paths, strict=True):
        if name in _used(config):
            raise ConfigError(
                Reason.CONFLICT, f"{name} is used by {arguments.config}", "Name another model in [models] first."
            )
        if not path.is_file():
            raise BiometricError(Reason.MODEL_MISSING, f"{path}: no such model", "hotspotctl models list shows them.")
    for path in paths:
        try:
            file: Path | None = load_manifest(path).path
        except HotspotError as error:
            complain(f"{error}; only the manifest is removed")
            file = None
        # The manifest first: a file without one is never opened.
        path.unlink()
        if file is not None:
            file.unlink(missing_ok=True)
    if arguments.json:
        print_json({"folder": str(folder), "removed": arguments.names})
    else:
        print(f"{', '.join(arguments.names)}: removed from {folder}")
    return Exit.OK


def _site(arguments: argparse.Namespace, *, required: bool) -> tuple[Config | None, Path | None]:
    """The configuration and the folder of models that the arguments name. Raises ConfigError."""
    config = load(arguments.config) if arguments.config else None
    folder: Path | None = arguments.folder
    if folder is None and config is not None and config.models.folder:
        folder = resolve(arguments.config, config.models.folder)
    if folder is None and required:
        raise ConfigError(
            Reason.MISSING_KEY, "no folder of models", "Give --folder, or --config with models.folder set."
        )
    return config, folder


def _folder(folder: Path | None) -> Path:
    if folder is None or not folder.is_dir():
        raise ConfigError(Reason.UNREADABLE, f"{folder}: no such folder", "hotspotctl models install makes it.")
    return folder


def _used(config: Config | None) -> frozenset[str]:
    if config is None:
        return frozenset()
    named = msgspec.structs.asdict(config.models)
    return frozenset(name for key, name in named.items() if key != "folder" and name)


def _catalogue(given: Path | None) -> Path | None:
    if given is not None:
        if not given.is_dir():
            raise ConfigError(Reason.UNREADABLE, f"{given}: no such folder", "Name a folder of manifests.")
        return given
    return next((path for path in CATALOGUES if path.is_dir()), None)


def _manifest_path(name: str, arguments: argparse.Namespace) -> Path:
    """The manifest to install ``name`` by: the one given, the catalogue's, or the one in the folder it comes from."""
    if arguments.manifest:
        return Path(arguments.manifest)
    places = [_catalogue(arguments.catalogue)]
    if arguments.origin and Path(arguments.origin).is_dir():
        places.append(Path(arguments.origin))
    for place in places:
        if place is not None and (place / f"{name}.toml").is_file():
            return place / f"{name}.toml"
    raise BiometricError(
        Reason.MODEL_MISSING,
        f"no manifest {name}.toml in {' or '.join(str(place) for place in places if place) or 'any catalogue'}",
        "Write one (docs/faces.md says what it holds) and name it with --manifest.",
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
