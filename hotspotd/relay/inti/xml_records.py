"""XML elements to records and back, by the layouts. What no layout knows is kept in its place.

Elements are found by their local name in any of the known namespaces (INTERPOL's samples put the same element into
different ones) and in any order; they are written in the layout's order. White space around a text and between elements
is not kept, nor a text beside elements; every other thing is: unknown elements, known ones that come too often, hold
elements where a text is expected, or are empty, names that are not the layout's, and attributes.
"""

from __future__ import annotations

import base64
import binascii

from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.layout import BY_NAME, LAYOUTS, Node
from hotspotd.relay.inti.limits import MAX_FOREIGN
from hotspotd.relay.inti.names import CUSTOM, KNOWN, SPACES
from hotspotd.relay.inti.record import DATA, Field, Foreign, Record, trimmed
from hotspotd.relay.inti.xml_parser import canonical, fragment

_SPELLING = -1
"""Position of a Foreign that says how the known element ``parents`` leads to was written: its name and attributes."""
_Step = tuple[str, ...]


def read_record(element: etree._Element) -> Record:
    """The record in ``element``. Raises RelayError (BAD_TRANSACTION) for an image that is not base64."""
    space, name = _split(element)
    kind = BY_NAME.get(name) if space in KNOWN else None
    layout = LAYOUTS[kind] if kind else _BARE
    reading = _Reading()
    reading.spelling(element, layout, ())
    for position, child in enumerate(element):
        reading.element(child, layout, (), position, None)
    return Record(
        type=kind or reading.category(),
        fields=reading.made(),
        data=reading.data,
        # Elements may come in any order and are written in one: what is the same has to be equal.
        foreign=tuple(sorted(reading.foreign, key=lambda one: (one.parents, one.position))),
        name="" if kind else str(element.tag),
    )


def write_record(root: etree._Element, record: Record) -> None:
    """Add ``record`` below ``root``. Raises RelayError (BAD_TRANSACTION)."""
    try:
        if record.name:
            element = etree.SubElement(root, record.name)
            layout = _BARE
        elif record.type in LAYOUTS:
            layout = LAYOUTS[record.type]
            element = etree.SubElement(root, _tag(layout))
        else:
            raise _bad(f"a record of Type-{record.type} has no element")
        writing = _Writing(record)
        writing.placed[()] = element
        for node in layout.children:
            writing.element(element, node, (), None)
        writing.keep(record.foreign)
    except ValueError as error:  # lxml's refusal of control characters and of names that are none.
        raise _bad("a text holds characters XML cannot hold") from error


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


def _split(element: etree._Element) -> tuple[str, str]:
    space, _, name = str(element.tag).rpartition("}")
    return space.removeprefix("{"), name


def _tag(node: Node) -> str:
    return f"{{{SPACES[node.prefix]}}}{node.names[0]}"


_BARE = Node("itl", ("",), children=LAYOUTS[4].children[:2])
"""Of a record that is not understood, only type and IDC are fields."""


class _Reading:
    """The fields of one record, as they are found."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.foreign: list[Foreign] = []
        self._fields: dict[int, list[list[str]]] = {}
        self._seen: set[_Step] = set()
        self._repeated: dict[int, int] = {}

    def category(self) -> int:
        """The record type that RecordCategoryCode says, 0 where it says none."""
        subfields = self._fields.get(1)
        text = subfields[0][0] if subfields else ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0

    def made(self) -> tuple[Field, ...]:
        """The fields in the order of their numbers."""
        return tuple(
            Field(number=number, subfields=tuple(map(trimmed, subfields)))
            for number, subfields in sorted(self._fields.items())
        )

    def spelling(self, element: etree._Element, node: Node, path: _Step) -> None:
        """Keep the attributes of a known element, and its name where it is not the layout's."""
        if element.attrib or (node is not _BARE and element.tag != _tag(node)):
            self._keep(etree.Element(str(element.tag), dict(element.attrib)), path, _SPELLING)

    def _keep(self, element: etree._Element, path: _Step, position: int, *, again: bool = False) -> None:
        if len(self.foreign) == MAX_FOREIGN:
            raise _bad(f"more than {MAX_FOREIGN} elements of a record are unknown")
        self.foreign.append(Foreign(parents=path, position=position, xml=canonical(element), again=again))

    def element(self, element: etree._Element, parent: Node, path: _Step, position: int, at: int | None) -> bool:
        """Read ``element``, which stands at ``position`` below ``path``; whether it gave a field."""
        space, name = _split(element)
        node = parent.child(name) if space in KNOWN else None
        again = node is not None and ((*path, node.step) in self._seen or len(node.items) > 1)
        if node is None or not self._understood(element, node, path, at):
            self._keep(element, path, position, again=again)
            return False
        return True

    def _understood(self, element: etree._Element, node: Node, path: _Step, at: int | None) -> bool:
        step = (*path, node.step)
        if node.group:
            at = self._repeated.get(node.group, node.first)
            step = (*path, f"{node.step}#{at}")
        if step in self._seen:
            return False
        if len(node.items) > 1:
            # May be there again under the same path, so it is not marked as seen and its spelling cannot be kept.
            plain = len(element) == 0 and not element.attrib and element.tag == _tag(node)
            return plain and self._leaf((element.text or "").strip(), node, at or 0)
        kept = len(self.foreign)
        self.spelling(element, node, step)
        if node.number:
            found = len(element) == 0 and self._leaf((element.text or "").strip(), node, at or 0)
        else:
            # Each child is read, whether one before it gave a field or not.
            found = sum(self.element(child, node, step, place, at) for place, child in enumerate(element)) > 0
        if not found:
            del self.foreign[kept:]
            return False
        self._seen.add(step)
        if node.group:
            self._repeated[node.group] = (at or 0) + 1
        return True

    def _leaf(self, text: str, node: Node, at: int) -> bool:
        if not text:
            return False
        if node.number == DATA:
            if self.data is not None:
                return False
            self.data = _decoded(text)
            return True
        subfields = self._fields.get(node.number, [])
        items = subfields[at] if at < len(subfields) else []
        free = next((item for item in node.items if item >= len(items) or not items[item]), None)
        if free is None:
            return False
        subfields = self._fields.setdefault(node.number, subfields)
        while len(subfields) <= at:
            subfields.append([])
        items = subfields[at]
        items.extend([""] * (free + 1 - len(items)))
        items[free] = text
        return True


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("image data is not base64") from error


class _Writing:
    """The elements of one record, as they are made."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._fields = {field.number: field.subfields for field in reversed(record.fields)}
        self.placed: dict[_Step, etree._Element] = {}
        self._alike: dict[tuple[_Step, str], etree._Element] = {}
        """Known elements by their parents and each name they are read under."""

    def element(self, parent: etree._Element, node: Node, path: _Step, at: int | None) -> None:
        """Add what ``node`` stands for below ``parent``, where there is anything."""
        if node.group:
            for subfield in range(node.first, len(self._fields.get(node.group, ()))):
                self._one(parent, node, (*path, f"{node.step}#{subfield}"), subfield)
        else:
            self._one(parent, node, (*path, node.step), at)

    def _one(self, parent: etree._Element, node: Node, path: _Step, at: int | None) -> None:
        if not node.number:
            space = SPACES[node.prefix]
            element = etree.SubElement(parent, _tag(node), nsmap={"custom": CUSTOM} if space == CUSTOM else None)
            for child in node.children:
                self.element(element, child, path, at)
            if len(element):
                self._place(element, node, path)
            else:
                parent.remove(element)
            return
        for text in self._texts(node, at or 0):
            element = etree.SubElement(parent, _tag(node))
            element.text = text
            self._place(element, node, path)

    def _place(self, element: etree._Element, node: Node, path: _Step) -> None:
        self.placed[path] = element
        for name in node.names:
            self._alike[path[:-1], name] = element

    def _texts(self, node: Node, at: int) -> list[str]:
        if node.number == DATA:
            data = self._record.data
            return [] if data is None else [base64.b64encode(data).decode("ascii")]
        subfields = self._fields.get(node.number, ())
        items = subfields[at] if at < len(subfields) else ()
        return [items[item] for item in node.items if item < len(items) and items[item]]

    def keep(self, foreign: tuple[Foreign, ...]) -> None:
        """Put back what has no field number. Where its parents are gone, it comes below those that are left."""
        for one in foreign:
            path = one.parents
            if one.position == _SPELLING:
                if path in self.placed:
                    spelled = fragment(one.xml)
                    self.placed[path].tag = spelled.tag
                    self.placed[path].attrib.update(spelled.attrib)
                continue
            while path not in self.placed:
                path = path[:-1]
            element, parent = fragment(one.xml), self.placed[path]
            alike = self._alike.get((path, _split(element)[1])) if one.again else None
            place = 0 if alike is None else parent.index(alike) + 1
            parent.insert(max(one.position, place), element)
