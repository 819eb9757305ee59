"""The kinds of delivery that ``hotspotctl watchlist import`` takes: who reads each, by which options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.relay.listing import IntiImporter
from hotspotd.relay.listing_itl import NistImporter
from hotspotd.watchlist.importers.delivery import Delivers, Importer
from hotspotd.watchlist.importers.ftm import FtmImporter
from hotspotd.watchlist.importers.interpol import InterpolImporter
from hotspotd.watchlist.importers.mapping import Mapping, read_mapping
from hotspotd.watchlist.importers.portraits import PortraitsImporter
from hotspotd.watchlist.importers.tables import TableImporter
from hotspotd.watchlist.importers.transactions import Defaults
from hotspotd.watchlist.importers.un_list import UnListImporter


@dataclass(frozen=True, slots=True)
class Choice:
    """How a kind of delivery is read, once its options are known."""

    importer: Importer
    delivers: Delivers
    options: bytes
    """What of the options decides what the files mean: an import goes on only with the same."""


def _csv(arguments: argparse.Namespace) -> Choice:
    if arguments.map is None:
        raise WatchlistError(Reason.MISSING_KEY, "csv needs a mapping file", "Give it with --map FILE.")
    mapping: Mapping = read_mapping(arguments.map)
    delivers = Delivers.PEOPLE if mapping.number_kind is None else Delivers.NUMBERS
    return Choice(TableImporter(mapping), delivers, msgspec.json.encode(mapping))


def _un(arguments: argparse.Namespace) -> Choice:
    notice, owner = arguments.notice or Notice.UN_SPECIAL, arguments.owner or "UNO"
    return Choice(UnListImporter(notice, owner), Delivers.PEOPLE, f"{notice} {owner}".encode())


def _ftm(arguments: argparse.Namespace) -> Choice:
    if arguments.notice is None or arguments.owner is None:
        raise WatchlistError(
            Reason.MISSING_KEY, "ftm has neither notice nor owner", "Give both: --notice national --owner UTO."
        )
    notice, owner = arguments.notice, arguments.owner
    return Choice(FtmImporter(notice, owner), Delivers.PEOPLE, f"{notice} {owner}".encode())


def _interpol(arguments: argparse.Namespace) -> Choice:
    notice, owner = arguments.notice, arguments.owner or "XPO"
    return Choice(InterpolImporter(notice, owner), Delivers.PEOPLE, f"{notice} {owner}".encode())


def _nist(arguments: argparse.Namespace) -> Choice:
    defaults = _defaults(arguments)
    return Choice(NistImporter(defaults), Delivers.PEOPLE, repr(defaults).encode())


def _inti(arguments: argparse.Namespace) -> Choice:
    defaults = _defaults(arguments)
    return Choice(IntiImporter(defaults), Delivers.PEOPLE, repr(defaults).encode())


def _defaults(arguments: argparse.Namespace) -> Defaults:
    if arguments.notice is None:
        raise WatchlistError(
            Reason.MISSING_KEY, f"{arguments.kind} files have no notice", "Give it: --notice blue, for example."
        )
    return Defaults(arguments.notice, arguments.owner or "XPO")


def _pictures(arguments: argparse.Namespace) -> Choice:
    return Choice(PortraitsImporter(arguments.dpi), Delivers.SAMPLES, str(arguments.dpi).encode())


KINDS: dict[str, Callable[[argparse.Namespace], Choice]] = {
    "csv": _csv, "ftm": _ftm, "interpol": _interpol, "inti": _inti, "nist": _nist, "pictures": _pictures, "un": _un,
}  # fmt: skip
"""Each kind of delivery, and what makes its importer; raises WatchlistError for options that do not do."""
OWN_SOURCES = {"interpol": "interpol-public", "un": "un-sc"}
"""Names of the sources of kinds that have one source only."""
ENDINGS: dict[str, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".txt"),
    "ftm": (".json", ".jsonl", ".ndjson", ".ijson"),
    "interpol": (".json", ".jsonl"),
    "inti": (".xml",),
    "nist": (".nist", ".nst", ".an2", ".eft", ".int", ".itl"),
    "pictures": (".png", ".jpg", ".jpeg", ".jp2", ".wsq", ".tif", ".tiff", ".bmp", ".pgm"),
    "un": (".xml",),
}
"""What a folder is searched for."""
