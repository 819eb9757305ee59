"""What a kiosk and a gateway at the ends of a line are made of: certificates, a list, and their configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.gateway.authority import Authority
from hotspotd.watchlist import Entry, ListedDocument, Shelf

DEVICE = "kiosk-measured"
LANE = "lane-1"
_LISTED = 200

_KIOSK = """
[device]
name = "{device}"
organisation = "Border Police"
country = "UTO"

[[lanes]]
name = "{lane}"
# Never opened: travellers are put in after the lane's devices.
document = {{ driver = "mrz-serial", address = "serial://{folder}/no-reader" }}

[operation]
name = "measuring"
fingers = ["right_index", "right_middle", "left_index", "left_middle"]
face = false

[watchlist]
folder = "{folder}/list"

[records]
database = "{folder}/records.db"
outbox_limit = 100000
minimum_free_mb = 0

[relay]
url = "https://{gateway}"
trust_anchors = "{folder}/certificates/ca.pem"
certificate = "{folder}/certificates/{device}.pem"
key = "{folder}/certificates/{device}.key"
{relay}

[log]
level = "info"
"""

_GATEWAY = """
[bureau]
country = "UTO"

[server]
host = "{host}"
port = {port}
certificate = "{folder}/certificates/gateway.pem"
key = "{folder}/certificates/gateway.key"
trust_anchors = "{folder}/certificates/ca.pem"

[store]
database = "{folder}/gateway.db"

[watchlist]
folder = "{folder}/list"

[limits]
unprocessed = 100000
"""


@dataclass(frozen=True, slots=True)
class World:
    """Everything in one folder."""

    folder: Path

    @property
    def kiosk_config(self) -> Path:
        """The daemon's configuration."""
        return self.folder / "hotspotd.toml"

    @property
    def gateway_config(self) -> Path:
        """The gateway's configuration."""
        return self.folder / "gateway.toml"

    @property
    def certificates(self) -> Path:
        """The authority's folder."""
        return self.folder / "certificates"

    @property
    def records(self) -> Path:
        """The kiosk's database."""
        return self.folder / "records.db"

    @property
    def inbox(self) -> Path:
        """The gateway's database."""
        return self.folder / "gateway.db"

    def point_kiosk_at(self, host: str, port: int, relay: str = "") -> None:
        """Write the kiosk's configuration; ``relay`` are further lines of that section."""
        text = _KIOSK.format(folder=self.folder, device=DEVICE, lane=LANE, gateway=f"{host}:{port}", relay=relay)
        self.kiosk_config.write_text(text, encoding="utf-8")

    def settle_gateway(self, host: str, port: int) -> None:
        """Write the gateway's configuration."""
        text = _GATEWAY.format(folder=self.folder, host=host, port=port)
        self.gateway_config.write_text(text, encoding="utf-8")


def build(folder: Path, host: str) -> World:
    """The world in ``folder``, with a certificate for a gateway at ``host``. Blocks."""
    authority = Authority.create(folder / "certificates")
    authority.issue_server(["localhost", host])
    authority.issue_device(DEVICE)
    (folder / "list").mkdir()
    Shelf(folder / "list").publish(
        (_listed(number) for number in range(_LISTED)),
        finger_engine=finger.ENGINE,
        face_engine=None,
        version="measured",
    )
    return World(folder)


def _listed(number: int) -> Entry:
    # Other numbers than travellers have: nobody is found, and everybody is searched.
    document = f"L{number:08d}"
    record = ListRecord(
        reference=f"SLTD/{number}",
        notice=Notice.SLTD,
        owner="XPO",
        document_number=document,
        document_issuer="XPO",
    )
    return Entry(record, (ListedDocument(document, "XPO"),))
