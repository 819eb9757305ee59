"""Transactions of either encoding: which it is, is seen by the first bytes. Pure, no I/O."""

from __future__ import annotations

from hotspotd.relay.inti import itl, reader, writer, xml6
from hotspotd.relay.inti.convert import convert, convert_lossy
from hotspotd.relay.inti.limits import MAX_BYTES
from hotspotd.relay.inti.record import Encoding, Package
from hotspotd.relay.inti.transaction import Transaction

_XML_STARTS = (b"<", b"\xef\xbb\xbf<")


def read(data: bytes, max_bytes: int = MAX_BYTES) -> Package:
    """All of the transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    is_xml = data[:64].lstrip().startswith(_XML_STARTS)
    return xml6.read(data, max_bytes) if is_xml else itl.read(data, max_bytes)


def write(package: Package) -> bytes:
    """The package in its own encoding. Raises RelayError (BAD_TRANSACTION)."""
    return xml6.write(package) if package.encoding is Encoding.XML else itl.write(package)


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Transaction:
    """What is understood of the transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    package, _ = convert_lossy(read(data, max_bytes), Encoding.XML)
    return reader.transaction(package)


def encode(transaction: Transaction, encoding: Encoding) -> bytes:
    """The transaction in ``encoding``. Raises RelayError (BAD_TRANSACTION)."""
    return write(convert(writer.package(transaction), encoding))
