"""Transactions of any content, for the properties of the codecs."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hotspotd.domain.candidate import Determination
from hotspotd.relay.inti.transaction import (
    Comparison,
    Contact,
    Descriptive,
    FaceRecord,
    FieldError,
    Header,
    ListEntry,
    MiscellaneousNumber,
    MissingPrint,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    RankedCandidate,
    Respondents,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)

# Text as fields hold it: no control characters, none of the white space that a reader takes off.
words = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12)
filled = words.filter(bool)
numbers = st.integers(0, 99_999)
organisations = st.builds(Organisation, identifier=words, name=words, country=words)
names = st.builds(PersonName, given=words, middle=words, surname=words, extended=words)
nationals = st.none() | st.builds(NationalNumber, country=words, number=filled)
pictures = st.builds(
    Picture,
    data=st.binary(max_size=40),
    compression=words,
    width=numbers,
    height=numbers,
    scale=numbers,
    density_across=numbers,
    density_down=numbers,
)
reals = st.floats(-1e6, 1e6)
comparisons = st.builds(
    Comparison, modality=words, score=reals, fmr=st.none() | st.floats(0, 1), position=st.none() | numbers, detail=words
)
descriptives = st.builds(
    Descriptive,
    idc=numbers,
    captured_at=words,
    captured_by=organisations,
    subject=st.builds(
        Subject,
        name=names,
        aliases=st.lists(names.filter(lambda name: name != PersonName()), max_size=2).map(tuple),
        birth_date=words,
        birth_earliest=words,
        birth_latest=words,
        nationality=words,
        sex=words,
    ),
    civil_code=words,
    civil_text=words,
    crn=nationals,
    npi=nationals,
    orn=nationals,
    numbers=st.lists(st.builds(MiscellaneousNumber, kind=words, number=filled), max_size=5).map(tuple),
    contact=st.builds(Contact, telephone=words, organisation=words, person=words, text=words),
    expires=words,
    determination=st.none() | st.sampled_from(Determination),
    respondents=st.none()
    | st.builds(
        Respondents,
        result=st.sampled_from(SearchResult),
        total=numbers,
        original=words,
        candidates=st.lists(st.builds(RankedCandidate, sequence=numbers, verify=st.booleans()), max_size=3).map(tuple),
    ),
    errors=st.lists(st.builds(FieldError, code=filled, field=words, text=words), max_size=2).map(tuple),
    entry=st.none()
    | st.builds(
        ListEntry,
        notice=filled,
        reason=words,
        diffusion=st.booleans(),
        bureau=words,
        purpose=words,
        cautions=st.lists(filled, max_size=2).map(tuple),
        caution_note=words,
        comparisons=st.lists(comparisons, max_size=2).map(tuple),
    ),
)
# As a traditional file can tell them apart: it writes UTO/AGENCY.
agencies = st.builds(
    Organisation,
    identifier=words.filter(lambda text: "/" not in text),
    name=words,
    country=st.sampled_from(("", "UTO", "XPO")),
)


def transactions_between(parties: st.SearchStrategy[Organisation]) -> st.SearchStrategy[Transaction]:
    """Transactions from and to ``parties``."""
    return st.builds(
        Transaction,
        header=st.builds(
            Header,
            tot=st.sampled_from(TransactionType),
            tcn=filled,
            tcr=words,
            date=words,
            utc=words,
            priority=st.none() | st.integers(1, 9),
            destination=parties,
            origin=parties,
            domain=words,
            native_resolution=words,
            nominal_resolution=words,
        ),
        descriptive=st.lists(descriptives, max_size=2).map(tuple),
        faces=st.lists(
            st.builds(
                FaceRecord,
                idc=numbers,
                picture=pictures,
                captured_on=words,
                source=words,
                colour_space=words,
                profile=words,
                pose=words,
            ),
            max_size=1,
        ).map(tuple),
        prints=st.lists(
            st.builds(
                PrintRecord,
                idc=numbers,
                position=numbers,
                picture=pictures,
                impression=numbers,
                bits=st.none() | numbers,
                captured_on=words,
                source=organisations,
                monitoring=words,
                missing=st.lists(st.builds(MissingPrint, position=numbers, code=words), max_size=2).map(tuple),
                quality=st.none() | st.integers(0, 100),
                profile=words,
            ),
            max_size=2,
        ).map(tuple),
    )


transactions = transactions_between(organisations)

fuzz = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
