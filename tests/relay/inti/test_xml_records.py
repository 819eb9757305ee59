"""XML packages: nothing is lost, whatever stands in them and wherever."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.layout import LAYOUTS, Node
from hotspotd.relay.inti.limits import MAX_FOREIGN, MAX_QUOTES, MAX_TAGS
from hotspotd.relay.inti.names import SPACES
from hotspotd.relay.inti.record import DATA, Encoding, Package
from hotspotd.relay.inti.transaction import Header, Transaction, TransactionType
from tests.relay.inti.transactions import fuzz

Leaf = tuple[str, str, tuple[tuple[str, str], ...]]
SAMPLES = (
    "AllFields",
    *(f"Sample-{name}-INT-ITransaction" for name in ("ERR", "MPS", "NPS", "SRE-HIT_CPS", "SRE-HIT_MPS", "SRE-NOHIT")),
)


def leaves(data: bytes) -> list[Leaf]:
    """Path by full names, text without white space and attributes of each element below the root, in order."""
    found: list[Leaf] = []

    def visit(element: etree._Element, path: str) -> None:
        path = f"{path}/{element.tag}"
        attributes = sorted((str(name), str(value)) for name, value in element.attrib.items())
        found.append((path, "".join((element.text or "").split()), tuple(attributes)))
        for child in element:
            visit(child, path)

    visit(etree.fromstring(data, etree.XMLParser(remove_comments=True)), "")
    return found[1:]


@pytest.fixture(scope="session")
def samples(shared_data: Path) -> Path:
    folder = shared_data / "inti-v6"
    if not folder.is_dir():
        pytest.skip("no INT-I samples in ../shared/data")
    return folder


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read_and_written_and_read_again_without_loss(samples: Path, name: str) -> None:
    data = (samples / f"{name}.xml").read_bytes()
    package = xml6.read(data)
    written = xml6.write(package)
    assert leaves(written) == leaves(data)
    assert xml6.read(written) == package


def test_elements_without_a_number_keep_their_place(samples: Path) -> None:
    package = xml6.read((samples / "Sample-MPS-INT-ITransaction.xml").read_bytes())
    assert [record.type for record in package.records] == [1, 2, 9, 13, 20]
    minutiae = package.records[2]
    assert minutiae.field(137) == (
        ("0", "1", "1", "1", "1", "50"),
        ("2", "2", "2", "2", "1", "50"),
        ("3", "3", "3", "3", "1", "50"),
    )
    assert minutiae.field(140) == (("2", "2", "2", "102", "202"),)
    assert [foreign.xml[:32] for foreign in minutiae.foreign] == ["<biom:ExtendedFeatureSetMinutiae"]
    assert package.records[4].name.endswith("}PackageSourceRepresentationRecord")


_STRANGERS = ("{urn:x}Thing", "Bare", f"{{{SPACES['biom']}}}Unheard", f"{{{SPACES['int-i']}}}PersonName")
_TEXTS = ("", "", "x", "7", "07", "Ж\u0301", "2017-07-11")


class _Trees:
    """Known and unknown elements in any arrangement; the same name often comes twice."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def _attributes(self) -> dict[str, str]:
        name = self._random.choice(("a", "{urn:x}b", f"{{{SPACES['nc']}}}c"))
        return {name: self._random.choice(_TEXTS)} if self._random.random() < 0.1 else {}

    def _stranger(self) -> etree._Element:
        stranger = etree.Element(self._random.choice(_STRANGERS), self._attributes())
        stranger.text = self._random.choice(_TEXTS)
        if self._random.random() < 0.3:
            stranger.append(self._stranger())
        return stranger

    def element(self, node: Node) -> etree._Element:
        """An element for ``node``, maybe under another name that is read as well."""
        space = SPACES["biom"] if self._random.random() < 0.1 else SPACES[node.prefix]
        name = node.names[0] if self._random.random() < 0.7 else self._random.choice(node.names)
        element = etree.Element(f"{{{space}}}{name}", self._attributes())
        if node.number == DATA:
            element.text = self._random.choice(("AAE=", "", "AA\n E="))
        elif not node.children or self._random.random() < 0.1:
            element.text = self._random.choice(_TEXTS)
        for _ in range(self._random.randrange(7)):
            if node.children and self._random.random() < 0.8:
                element.append(self.element(self._random.choice(node.children)))
            elif self._random.random() < 0.5:
                element.append(self._stranger())
        return element

    def package(self) -> bytes:
        """A Type-1 record and up to three others."""
        root = etree.Element(f"{{{SPACES['itl']}}}NISTBiometricInformationExchangePackage")
        root.append(self.element(LAYOUTS[1]))
        for _ in range(self._random.randrange(4)):
            root.append(self.element(LAYOUTS[self._random.choice(sorted(LAYOUTS))]))
        data: bytes = etree.tostring(root)
        return data


def _sorted(found: list[Leaf]) -> list[Leaf]:
    # A text beside elements, or in a record itself, is nothing INT-I has, and is not kept.
    parents = {path.rpartition("/{")[0] for path, _, _ in found}
    parents |= {path for path, _, _ in found if path.endswith("Record")}
    return sorted((path, "" if path in parents else text, attributes) for path, text, attributes in found)


@settings(fuzz, max_examples=300)
@given(st.integers(0, 2**32))
def test_any_arrangement_of_elements_is_kept(seed: int) -> None:
    data = _Trees(seed).package()
    package = xml6.read(data)
    written = xml6.write(package)
    assert _sorted(leaves(written)) == _sorted(leaves(data))
    again = xml6.read(written)
    assert [(one.type, one.fields, one.data) for one in again.records] == [
        (one.type, one.fields, one.data) for one in package.records
    ]
    # In order now, so that every further reading gives the same.
    assert xml6.read(xml6.write(again)) == again


def _with(inside: bytes) -> bytes:
    whole = xml6.encode(Transaction(header=Header(tot=TransactionType.NPS, tcn="T1")))
    return whole.replace(b"</itl:PackageInformationRecord>", inside + b"</itl:PackageInformationRecord>")


def _refused(data: bytes) -> str:
    with pytest.raises(RelayError) as caught:
        xml6.read(data)
    assert caught.value.reason is Reason.BAD_TRANSACTION
    return caught.value.what


def test_huge_counts_are_refused_before_they_cost_anything() -> None:
    tags = _with(b"<a/>" * MAX_TAGS)
    attributes = _with(b"<a " + b"".join(b' b%d=""' % n for n in range(MAX_QUOTES)) + b"/>")
    tracemalloc.start()
    assert "tags" in _refused(tags)
    assert "attributes" in _refused(attributes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_flood_of_unknown_elements_is_refused() -> None:
    assert "unknown" in _refused(_with(b"<a/>" * (MAX_FOREIGN + 1)))


def test_a_namespace_that_is_relative_is_refused() -> None:
    assert "relative" in _refused(_with(b'<a xmlns="b/c"/>'))


def test_a_record_that_was_read_is_found_by_field_and_item() -> None:
    header = xml6.read(_with(b"")).header
    assert (header.item(4), header.item(9), header.item(13, 1)) == ("NPS", "T1", "06.00")
    assert (header.item(4, 1), header.item(4, 0, 1), header.item(10), header.idc) == ("", "", "", "")


def test_a_package_of_the_other_encoding_is_refused_in_writing() -> None:
    with pytest.raises(RelayError):
        xml6.write(Package(encoding=Encoding.TRADITIONAL, records=()))
