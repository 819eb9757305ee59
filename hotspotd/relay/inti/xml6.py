"""The INT-I v6.00.01 XML encoding: bytes to a transaction and back. Pure, no I/O.

``read`` and ``write`` lose nothing: bytes to a Package, every element as a field or kept in its place. ``decode`` and
``encode`` go on to what a kiosk and its gateway understand, a Transaction.

Promises: whatever the bytes are, a Package or Transaction comes of them, or RelayError (BAD_TRANSACTION, TOO_LARGE)
and nothing else, in bounded memory; what was read is written with the same elements, texts and attributes, in the order
of INT-I; ``decode(encode(t)) == t`` for every transaction that ``encode`` accepts.
Doesn't: check the rules of a type of transaction (``check.py`` does).
"""

from __future__ import annotations

from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti import reader, writer
from hotspotd.relay.inti.limits import MAX_BYTES, MAX_RECORDS
from hotspotd.relay.inti.names import ITL, PREFIXES
from hotspotd.relay.inti.record import Encoding, Package
from hotspotd.relay.inti.transaction import Transaction
from hotspotd.relay.inti.xml_parser import parse
from hotspotd.relay.inti.xml_records import read_record, write_record

__all__ = ["MAX_BYTES", "decode", "encode", "read", "write"]

_ROOT = "NISTBiometricInformationExchangePackage"


def read(data: bytes, max_bytes: int = MAX_BYTES) -> Package:
    """All of the transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    if len(data) > max_bytes:
        raise RelayError(Reason.TOO_LARGE, f"transaction of {len(data)} bytes, at most {max_bytes} are read")
    root = parse(data)
    if str(root.tag).rpartition("}")[2] != _ROOT:
        raise _bad("not an ANSI/NIST-ITL package")
    if len(root) > MAX_RECORDS:
        raise _bad(f"more than {MAX_RECORDS} records")
    records = tuple(read_record(element) for element in root)
    if not any(record.type == 1 and record.understood for record in records):
        raise _bad("no Type-1 record")
    return Package(encoding=Encoding.XML, records=records)


def write(package: Package) -> bytes:
    """The package as UTF-8 XML. Raises RelayError (BAD_TRANSACTION) for text that XML cannot hold."""
    if package.encoding is not Encoding.XML:
        raise _bad("is in the traditional encoding and has to be converted first")
    root = etree.Element(f"{{{ITL}}}{_ROOT}", nsmap=dict(PREFIXES))
    for record in package.records:
        write_record(root, record)
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return data


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Transaction:
    """What is understood of the transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    return reader.transaction(read(data, max_bytes))


def encode(transaction: Transaction) -> bytes:
    """The transaction as UTF-8 XML. Raises RelayError (BAD_TRANSACTION)."""
    return write(writer.package(transaction))


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")
