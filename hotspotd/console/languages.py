"""The languages of the traveller's page, and which of them are offered for a document.

Serbian is in Cyrillic, the script of Serbia's authorities (constitution, article 10); who reads Latin only has Bosnian
beside it. Dari and Persian are one catalogue, in words that both use. Arabic keeps the digits 0 to 9, which all of its
countries read, the Maghreb no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

SOURCE_LANGUAGE = "en"


class Head(msgspec.Struct, frozen=True):
    """A language as the page needs to know it; ``code`` is its BCP 47 tag and the name of its catalogue."""

    code: str
    name: str
    """In itself."""
    direction: Literal["ltr", "rtl"] = "ltr"
    digits: str = "0123456789"


# In the order in which they are offered.
HEADS: tuple[Head, ...] = (
    Head("en", "English"),
    Head("fr", "Français"),
    Head("ar", "العربية", "rtl"),
    Head("es", "Español"),
    Head("sq", "Shqip"),
    Head("mk", "Македонски"),
    Head("sr", "Српски"),
    Head("bs", "Bosanski"),
    Head("ru", "Русский"),
    Head("tr", "Türkçe"),
    Head("tg", "Тоҷикӣ"),
    Head("fa", "دری / فارسی", "rtl", "۰۱۲۳۴۵۶۷۸۹"),
)

# Nationalities by the languages to be offered, the one to begin with first. Codes: ICAO 9303-3, section 5.
# Where a country's own main language is not here, English comes first, and a language of many of its people is offered.
_COUNTRIES: Mapping[tuple[str, ...], str] = {
    ("fr",): "FRA MCO HTI BEN BFA CIV GAB GIN MLI NER SEN TGO COG COD CAF MDG BDI",
    ("fr", "en"): "LUX CMR",
    ("fr", "ar"): "DJI COM TCD",
    ("en", "fr"): "BEL CAN CHE MUS RWA SYC VUT",
    ("ar",): "EGY SDN SAU YEM OMN ARE QAT BHR KWT IRQ SYR JOR PSE LBY",
    ("ar", "fr"): "DZA MAR TUN MRT LBN",
    ("en", "ar"): "ISR SOM",
    ("es",): "ESP MEX GTM HND SLV NIC CRI PAN CUB DOM COL VEN ECU PER BOL CHL ARG URY PRY",
    ("es", "fr"): "GNQ AND",
    ("en", "es"): "USA",
    ("sq",): "ALB",
    # RKS is what Kosovo's passports carry; the United Nations' mission there issued UNK.
    ("sq", "sr"): "RKS XKX UNK",
    ("mk", "sq"): "MKD",
    ("sr",): "SRB",
    ("sr", "bs"): "MNE",
    ("bs", "sr"): "BIH",
    ("ru",): "RUS BLR KAZ KGZ",
    ("ru", "tg"): "UZB",
    ("tr",): "TUR",
    ("tg", "ru"): "TJK",
    ("fa",): "IRN AFG",
}

OFFERED: Mapping[str, tuple[str, ...]] = {
    nationality: codes for codes, nationalities in _COUNTRIES.items() for nationality in nationalities.split()
}


def offered(nationality: str | None) -> tuple[str, ...]:
    """The languages for a document of this nationality, best first; empty where none is better than another."""
    return OFFERED.get(nationality, ()) if nationality else ()
