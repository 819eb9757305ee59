"""Several replies to one encounter: the same is said whatever their order, and whatever comes twice."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hotspotd.domain.answers import together
from hotspotd.domain.candidate import Candidate, Determination, Hit, ListRecord, Modality
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome

UC, CO, AC, QS, SL = (Determination(code) for code in ("UC", "CO", "AC", "QS", "SL"))


def hit(reference: str = "2026/1", determination: Determination = UC, score: float = 5.0) -> Hit:
    record = ListRecord(reference=reference, notice=Notice.RED, owner="XPO", surname="DOE")
    return Hit(
        record=record,
        candidates=(Candidate(modality=Modality.FINGER, reference=reference, score=score, fmr=1e-6),),
        determination=determination,
    )


def reply(number: int, *hits: Hit, outcome: GatewayOutcome | None = None, **more: object) -> GatewayAnswer:
    made_at = f"2026-11-22T12:{number:02}:00.000Z"
    known = outcome or (GatewayOutcome.HIT if hits else GatewayOutcome.NO_HIT)
    return GatewayAnswer(outcome=known, tcn=f"R{number}", tcr="T", made_at=made_at, hits=hits, **more)  # type: ignore[arg-type]


def said(*answers: GatewayAnswer) -> GatewayAnswer:
    found = together(answers)
    assert found is not None
    assert together(reversed(answers)) == found
    return found


HITS = st.lists(
    st.builds(hit, st.sampled_from(["2026/1", "2026/2", "2026/3"]), st.sampled_from(Determination), st.floats(0, 9)),
    max_size=3,
    unique_by=lambda one: one.record.reference,
)
REPLIES = st.lists(
    st.builds(
        lambda number, hits, withdrawn, total, failed: (
            reply(number, outcome=GatewayOutcome.ERROR, faults=(GatewayFault("501"),))
            if failed
            else reply(number, *hits, withdrawn=tuple(withdrawn), total=total)
        ),
        st.integers(0, 59),
        HITS,
        st.sets(st.sampled_from(["2026/1", "2026/2", "2026/9"])),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=5,
    unique_by=lambda answer: answer.tcn,
)


@given(REPLIES, st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_and_copies_make_no_difference(answers: Sequence[GatewayAnswer], random: object, copies: int) -> None:
    mixed = [*answers, *answers[:copies]]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    found = together(mixed)
    assert found == together(answers)
    if found is None:
        assert not answers
        return
    named = {one.record.reference for answer in answers for one in answer.hits}
    assert {one.record.reference for one in found.hits} == named
    assert found.total >= len(found.hits)
    for one in found.hits:
        everything = [
            other.determination for a in answers for other in a.hits if other.record.reference == one.record.reference
        ]
        assert one.determination in everything
        assert CO not in everything or one.determination is CO


def test_a_hit_stands_whatever_a_later_reply_does_not_know() -> None:
    found = said(reply(1, hit()), reply(2), reply(3, outcome=GatewayOutcome.ERROR, faults=(GatewayFault("999"),)))
    assert (found.outcome, found.tcn, found.faults) == (GatewayOutcome.HIT, "R1", ())


def test_a_search_that_was_done_counts_more_than_an_error() -> None:
    found = said(reply(1), reply(2, outcome=GatewayOutcome.ERROR, faults=(GatewayFault("201"),)))
    assert (found.outcome, found.faults) == (GatewayOutcome.NO_HIT, ())


def test_what_is_confirmed_is_never_unconfirmed_again() -> None:
    assert said(reply(1, hit()), reply(2, hit(determination=CO)), reply(3, hit())).determination is CO
    assert said(reply(1, hit(determination=AC)), reply(2, hit(determination=QS))).determination is AC


def test_silence_asked_for_holds_until_confirmation_and_for_all_hits() -> None:
    assert said(reply(1, hit()), reply(2, hit(determination=SL))).determination is SL
    assert said(reply(1, hit(determination=SL)), reply(2, hit("2026/2"))).determination is UC


def test_a_withdrawn_record_is_kept_and_marked() -> None:
    found = said(reply(1, hit(), hit("2026/2")), reply(2, withdrawn=("2026/1",)))
    assert [(one.record.reference, one.withdrawn) for one in found.hits] == [("2026/1", True), ("2026/2", False)]
    assert (found.outcome, found.withdrawn) == (GatewayOutcome.HIT, ("2026/1",))
    assert found.hits[0].urgency > found.hits[1].urgency
    alone = said(reply(1, hit()), reply(2, withdrawn=("2026/1",)))
    assert (alone.outcome, alone.determination) == (GatewayOutcome.NO_HIT, UC)


def test_the_bureaus_last_word_on_a_record_counts() -> None:
    assert not said(reply(1, hit(), withdrawn=("2026/1",)), reply(2, hit(determination=CO))).hits[0].withdrawn
    assert said(reply(1, hit(determination=CO)), reply(2, withdrawn=("2026/1",))).hits[0].withdrawn
    # A search that finds it once more is no such word.
    assert said(reply(1, hit(), withdrawn=("2026/1",)), reply(2, hit())).hits[0].withdrawn


def test_what_was_compared_is_gathered() -> None:
    found = said(reply(1, hit(score=5.0)), reply(2, hit(score=7.0, determination=CO)))
    assert [candidate.score for candidate in found.hits[0].candidates] == [5.0, 7.0]


def test_hits_that_were_not_sent_are_counted() -> None:
    assert said(reply(1, hit(), total=3)).unsent == 2
    assert said(reply(1, hit(), total=3), reply(2, hit("2026/2"), hit("2026/3"), total=3)).unsent == 0


def test_nothing_is_said_by_no_reply() -> None:
    assert together(()) is None
