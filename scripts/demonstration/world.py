"""Everything the demonstration stands on: certificates, lists, pictures and configuration files, in one folder."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from demonstration import materials
from demonstration.publishing import NationalLists
from demonstration.travellers import TRAVELLERS, Listed, Traveller
from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.gateway.authority import Authority
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.source import Source

ROOT = Path(__file__).resolve().parents[2]

DEVICE = "kiosk-demo"
LANE = "lane-1"
POSITIONS = ("right_index", "right_middle")
_FRAMES = 3
# Other people on the lists, so that a search has something to search.
_STRANGERS = 6
# What the gateway searches; what the kiosk has at first; what it is given while a traveller is being checked.
GATEWAY_LIST, KIOSK_LIST, NEXT_LIST = "gateway", "demonstration-1", "demonstration-2"
_KIOSK_LISTS = {
    Listed.FINGERS_AT_GATEWAY_ONLY: frozenset[str](),
    Listed.DOCUMENT_IN_NEXT_LIST: frozenset({NEXT_LIST}),
}

Devices = Mapping[str, tuple[str, str]]
"""Driver and address of each device of the lane, by its key in the configuration."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a traveller brings: pictures for the camera, and prints for the scanner by finger."""

    before: materials.Before
    home: Path
    scene: Path
    prints: dict[str, Path]
    bad_print: Path

    @property
    def picture(self) -> Path:
        """Their picture, as a passport has it."""
        return max(self.scene.iterdir())

    def turning(self, sign: int) -> Path:
        """Pictures of a turn to the picture's right (1) or left (-1) and back; drawn when first asked for."""
        folder = self.home / f"turning{sign}"
        if not folder.is_dir():
            for number, frame in enumerate(self.before.turning(sign)):
                materials.write_colour(folder / f"{number:02d}.jpg", frame)
        return folder


@dataclass(frozen=True, slots=True)
class World:
    """Where things are."""

    folder: Path
    people: dict[str, Person]
    kiosk_config: Path
    gateway_config: Path
    certificates: Path
    camera: Path
    nobody: Path
    lists: NationalLists
    next_list: Path

    def publish_next_list(self) -> None:
        """Publish the list that takes the place of the kiosk's. Blocks."""
        self.lists.publish(self.next_list, self.certificates)


def build(
    folder: Path,
    links: Mapping[str, int],
    console_port: int,
    liveness: str,
    devices: Devices,
    settings: str = "",
    only: Container[str] | None = None,
) -> World:
    """Make the world in ``folder``; the kiosk calls its gateway on the ports of ``links``, by the name of each.

    ``liveness`` is the mode of that check, ``devices`` the lane's, ``settings`` sections of the configuration for them.
    Of those who are not listed it makes ``only`` the travellers of these keys: drawing people takes most of the time.
    """
    people, listed = _people(folder, only)
    certificates = folder / "certificates"
    authority = Authority.create(certificates)
    authority.issue_server(["localhost", "127.0.0.1"])
    authority.issue_device(DEVICE)
    engine = FaceEngine.open()
    by_list = {
        GATEWAY_LIST: [row for row, _ in listed],
        KIOSK_LIST: [row for row, lists in listed if KIOSK_LIST in lists],
        NEXT_LIST: [row for row, lists in listed if NEXT_LIST in lists],
    }
    _build(folder, GATEWAY_LIST, by_list[GATEWAY_LIST], Shelf(folder / "gateway-watchlist"), engine)
    # One shelf, so one key to what is listed by number: only then does the next list go as what has changed.
    national = Shelf(folder / "national-watchlist")
    lists = NationalLists(folder)
    lists.publish(_build(folder, KIOSK_LIST, by_list[KIOSK_LIST], national, engine), certificates)
    shutil.copytree(folder / "national-watchlist", folder / "kiosk-watchlist", symlinks=True)
    next_list = _build(folder, NEXT_LIST, by_list[NEXT_LIST], national, engine)
    nobody = folder / "nobody"
    materials.write_colour(nobody / "booth.jpg", materials.empty_booth())
    world = World(
        folder=folder,
        people=people,
        kiosk_config=folder / "hotspotd.toml",
        gateway_config=folder / "gateway.toml",
        certificates=certificates,
        camera=folder / "camera",
        nobody=nobody,
        lists=lists,
        next_list=next_list,
    )
    _write_configs(world, links, console_port, liveness, devices, settings)
    return world


def _people(
    folder: Path, only: Container[str] | None
) -> tuple[dict[str, Person], list[tuple[dict[str, Any], frozenset[str]]]]:
    """The travellers, and the rows of the gateway's list with the names of the kiosk's lists that have them too.

    Pictures that lists hold are put into ``folder``/listed, what travellers bring into ``folder``/people.
    """
    fingers = materials.fingers()
    people: dict[str, Person] = {}
    listed: list[tuple[dict[str, Any], frozenset[str]]] = []
    # Listed people first: they get the fingers of the plainest sensor.
    for traveller in sorted(TRAVELLERS, key=lambda t: "FINGERS" not in t.listed.name):
        if only is not None and traveller.key not in only and traveller.listed is Listed.NOBODY:
            continue
        home = folder / "people" / traveller.key
        own = dict(zip(POSITIONS, itertools.islice(fingers, len(POSITIONS)), strict=True))
        before = materials.Before(ord(traveller.key), photo=traveller.photo)
        frames = before.looking(_FRAMES)
        for number, frame in enumerate(frames):
            materials.write_colour(home / "scene" / f"{number}.jpg", frame)
        people[traveller.key] = Person(
            before=before,
            home=home,
            scene=home / "scene",
            prints={at: materials.write_grey(home / f"{at}.png", own[at].probe) for at in POSITIONS},
            bad_print=materials.write_grey(home / "bad.png", materials.barely_touching(own[POSITIONS[0]].probe)),
        )
        if traveller.listed is Listed.NOBODY:
            continue
        if not traveller.document_listed:
            for at in POSITIONS:
                materials.write_grey(folder / "listed" / f"{traveller.key}-{at}.png", own[at].reference)
            materials.write_colour(folder / "listed" / f"{traveller.key}.jpg", frames[-1])
        listed.append((_row(traveller), _KIOSK_LISTS.get(traveller.listed, frozenset({KIOSK_LIST, NEXT_LIST}))))
    everywhere = frozenset({KIOSK_LIST, NEXT_LIST})
    listed += [(_stranger(folder, number, next(fingers)), everywhere) for number in range(_STRANGERS)]
    return people, listed


def _row(traveller: Traveller) -> dict[str, Any]:
    if traveller.document_listed:
        return {
            "reference": f"SLTD/{traveller.nationality}/{traveller.number}",
            "notice": "sltd",
            "owner": traveller.nationality,
            "document_number": traveller.number,
            "document_issuer": traveller.nationality,
            "documents": [{"number": traveller.number, "issuer": traveller.nationality}],
            "reason": "Stolen blank, reported 2026-03-02",
        }
    everywhere = traveller.listed is Listed.FINGERS
    return {
        "reference": f"2026/{4711 if everywhere else 5822}",
        "notice": "red" if everywhere else "blue",
        "owner": "XPO",
        # Known under another name: only the fingers tell.
        "surname": "KRAL" if everywhere else "PEREIRA",
        "given_names": "MILAN" if everywhere else "JOAO",
        "birth_date": "1977-11-30" if everywhere else "1984-02-11",
        "nationality": "UTO",
        "sex": "M",
        "reason": "Armed robbery" if everywhere else "Witness in a fraud case",
        "fingers": {at: f"pictures/{traveller.key}-{at}.png" for at in POSITIONS},
        "portrait": f"pictures/{traveller.key}.jpg",
    }


def _stranger(folder: Path, number: int, one: materials.Finger) -> dict[str, Any]:
    path = materials.write_grey(folder / "listed" / f"stranger-{number}.png", one.reference)
    return {
        "reference": f"2025/{1000 + number}",
        "notice": ("green", "yellow", "purple")[number % 3],
        "owner": "XPO",
        "surname": f"STRANGER{'ABCDEFGHIJKL'[number]}",
        "given_names": "NOBODY",
        "birth_date": f"19{60 + number}-01-01",
        "fingers": {POSITIONS[number % 2]: f"pictures/{path.name}"},
    }


def _build(folder: Path, name: str, rows: list[dict[str, Any]], shelf: Shelf, engine: FaceEngine) -> Path:
    """The list ``name`` of these rows, current on ``shelf``."""
    source = folder / "lists" / name
    shutil.copytree(folder / "listed", source / "pictures")
    (source / "records.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    reading = Source(source, Enroller(engine))
    built = shelf.publish(reading.entries(), finger_engine=finger.ENGINE, face_engine=engine.engine, version=name)
    if reading.problems:
        raise ValueError(f"the demonstration's own list has problems: {reading.problems}")
    return built


def _write_configs(
    world: World, links: Mapping[str, int], console_port: int, liveness: str, devices: Devices, settings: str
) -> None:
    template = Template((ROOT / "config" / "demo.toml").read_text(encoding="utf-8"))
    kiosk = template.substitute(
        folder=world.folder,
        device=DEVICE,
        lane=LANE,
        **{f"{name}_port": port for name, port in links.items()},
        console_port=console_port,
        liveness=liveness,
        settings=settings,
        devices="\n".join(
            f'{key} = {{ driver = "{driver}", address = "{address}" }}' for key, (driver, address) in devices.items()
        ),
    )
    world.kiosk_config.write_text(kiosk, encoding="utf-8")
    gateway = Template((ROOT / "config" / "demo-gateway.toml").read_text(encoding="utf-8"))
    world.gateway_config.write_text(gateway.substitute(folder=world.folder), encoding="utf-8")
