"""Records as they are stored: those written before a field was added are read, and the other way round."""

from __future__ import annotations

import msgspec

from hotspotd.domain.candidate import ListRecord, NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.countries import alpha3
from hotspotd.domain.notice import Notice

# As version 0.1 wrote it, every field of then.
_BEFORE = (
    b'{"reference":"XPO/1","notice":"red","owner":"XPO","surname":"ERIKSSON","given_names":"ANNA","birth_date":null,'
    b'"nationality":"UTO","sex":"F","document_number":null,"document_issuer":null,"reason":"Fraud","expires":null}'
)


def test_a_record_stored_before_is_read() -> None:
    record = msgspec.json.decode(_BEFORE, type=ListRecord)
    assert (record.surname, record.notice, record.cautions, record.other_names) == ("ERIKSSON", Notice.RED, (), ())


def test_a_record_with_everything_comes_back_as_it_was() -> None:
    record = ListRecord(
        reference="XPO/1",
        notice=Notice.ORANGE,
        owner="XPO",
        diffusion=True,
        cautions=(Caution.ARMED,),
        other_names=(OtherName(full="Анна", kind=NameKind.ORIGINAL),),
        other_birth_dates=("1974",),
        since="2026-11-22",
    )
    assert msgspec.json.decode(msgspec.json.encode(record), type=ListRecord) == record


def test_countries_are_known_by_codes_and_by_the_names_of_the_united_nations() -> None:
    for text in ("IR", "irn", "Iran (Islamic Republic of)", "Islamic Republic of Iran", "iran"):
        assert alpha3(text) == "IRN"
    assert alpha3("Democratic People's Republic of Korea") == "PRK"
    assert alpha3("Côte d'Ivoire") == alpha3("Cote d'Ivoire") == "CIV"
    assert alpha3("XXA") == "XXA"
    assert alpha3("Narnia") is None
    assert alpha3("") is None
