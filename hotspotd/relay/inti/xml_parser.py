"""Bytes to an XML tree, with everything refused that could hurt: types, entities, other encodings, huge counts.

What stays: elements, attributes and texts. Comments and processing instructions are no part of a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.limits import MAX_QUOTES, MAX_TAGS
from hotspotd.relay.inti.names import SPACES

_XML = "http://www.w3.org/XML/1998/namespace"


def parse(data: bytes) -> etree._Element:
    """The root element. Raises RelayError (BAD_TRANSACTION). Depth is bounded by libxml2 (256)."""
    # Looked for before parsing: libxml2 works on an internal subset before anything can be refused, and builds the
    # whole tree before anything can be counted. UTF-16 and UTF-32 have zero bytes and could hide what is looked for.
    if b"\0" in data:
        raise _bad("is not in UTF-8")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _bad("has a document type declaration")
    if data.count(b"<") > MAX_TAGS:
        raise _bad(f"more than {MAX_TAGS} tags")
    if data.count(b'"') + data.count(b"'") > MAX_QUOTES:
        raise _bad(f"more than {MAX_QUOTES // 2} attributes")
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        raise _bad(f"not well-formed XML, line {error.lineno}") from error
    except (ValueError, LookupError) as error:  # An encoding that libxml2 does not know.
        raise _bad("not readable as XML") from error
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise _bad("has a document type declaration")
    if (info.encoding or "UTF-8").upper() not in {"UTF-8", "US-ASCII", "ASCII"}:
        raise _bad(f"is in {info.encoding[:20] if info.encoding else ''}, INT-I v6 is in UTF-8")
    return root


def fragment(xml: str) -> etree._Element:
    """An element that was kept as text. Raises RelayError (BAD_TRANSACTION)."""
    try:
        return etree.fromstring(xml.encode(), _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _bad("a kept element is not well-formed XML") from error


def canonical(element: etree._Element) -> str:
    """The element as exclusive canonical XML, which brings the namespaces it uses, under prefixes chosen here.

    Raises RelayError (BAD_TRANSACTION) for a namespace that is a relative reference, which has no canonical form.
    """
    prefixes = {space: prefix for prefix, space in SPACES.items()}
    for space in _spaces(element):
        prefixes.setdefault(space, f"n{len(prefixes)}")
    around = etree.Element("around", nsmap={prefix: space for space, prefix in prefixes.items()})
    around.append(deepcopy(element))
    try:
        text: bytes = etree.tostring(around[0], method="c14n", exclusive=True, with_tail=False)
    except etree.C14NError as error:
        raise _bad("has a namespace that is a relative reference") from error
    return text.decode()


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


def _spaces(element: etree._Element) -> Iterator[str]:
    """The namespaces of elements and attributes, in order; XML's own has its prefix by definition."""
    for one in element.iter():
        for name in (one.tag, *one.attrib):
            space = str(name).rpartition("}")[0].removeprefix("{")
            if space and space != _XML:
                yield space


def is_empty(xml: str) -> bool:
    """Whether an element that was kept as text says nothing: no text and no attribute anywhere in it."""
    return not any((element.text or "").strip() or element.attrib for element in fragment(xml).iter())
