"""What officers read and decide: alerts in order, late hits, trouble, pictures, decisions and their undoing."""

from __future__ import annotations

from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest

from hotspotd.console import chip_view
from hotspotd.console.alert_view import DISMISSALS
from hotspotd.domain.candidate import Candidate, Hit, Modality
from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState, PortraitCheck, PortraitProblem
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.liveness import Liveness, LivenessCheck, LivenessDetail, LivenessState
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import ReferReason
from tests.console.kiosk import BADGE, Kiosk, drawn, finger_hit, png, record


async def read(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def decide(client: aiohttp.ClientSession, alert: int | None, **wish: str) -> tuple[int, Any]:
    async with client.post(f"/api/alerts/{alert}/decision", json=wish) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.text()


async def test_alerts_are_sorted_by_urgency_then_time(kiosk: Kiosk) -> None:
    for notice in (Notice.PURPLE, Notice.BLUE, Notice.RED, Notice.SLTD, Notice.RED):
        await kiosk.check(await kiosk.encounter(), finger_hit(record(notice)))
    async with kiosk.client() as client:
        alerts = (await read(client, "/guard/state"))["alerts"]
    assert [alert["tone"] for alert in alerts] == ["red", "red", "sltd", "blue", "purple"]
    assert alerts[0]["raised_at"] <= alerts[1]["raised_at"]


async def test_a_hit_is_unconfirmed_and_says_what_to_do_how_sure_it_is_and_what_differs(kiosk: Kiosk) -> None:
    listed = record(Notice.RED)
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = png(drawn(7))
    alert = await kiosk.check(await kiosk.encounter(), finger_hit(listed, fmr=2.5e-5))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
        assert detail["line"]["certainty"] == "unconfirmed"
        hit = detail["hits"][0]
        assert hit["heading"] == "Red notice"
        assert hit["instruction"] == Notice.RED.instruction
        assert hit["strengths"][0]["words"] == "1 in 40\u00a0000 fingers would match this well"
        differing = {row["label"] for row in hit["comparisons"] if row["differs"]}
        assert differing == {"Document"}
        face, finger = hit["pairs"]
        assert face["probe"]
        assert face["reference"] is None
        for address in (face["probe"], finger["probe"], finger["reference"]):
            async with client.get(address) as answer:
                assert answer.status == 200, address
                assert answer.content_type in ("image/png", "image/jpeg")
                assert answer.headers["Cache-Control"] == "no-store"


async def test_pictures_of_other_formats_are_shown_as_png(kiosk: Kiosk) -> None:
    import cv2

    listed = record()
    tiff = cv2.imencode(".tiff", drawn(3))[1].tobytes()
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = tiff
    alert = await kiosk.check(await kiosk.encounter(), finger_hit(listed))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
        async with client.get(detail["hits"][0]["pairs"][1]["reference"]) as answer:
            assert answer.content_type == "image/png"
            assert (await answer.read()).startswith(b"\x89PNG")


async def test_a_stolen_document_is_said_in_words_and_needs_no_probability(kiosk: Kiosk) -> None:
    stolen = record(Notice.SLTD, surname="", given_names="", document_number="L898902C3")
    document = Candidate(
        modality=Modality.DOCUMENT, reference=stolen.reference, score=1.0, detail="Document number and issuer"
    )
    alert = await kiosk.check(await kiosk.encounter(), Hit(record=stolen, candidates=(document,)))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
    assert detail["line"]["title"] == "Document L898902C3 (UTO)"
    assert detail["hits"][0]["strengths"][0]["words"] == "listed as stolen or lost: document number and issuer agree"


async def test_a_late_hit_says_when_the_traveller_left_and_shows_the_portrait(kiosk: Kiosk) -> None:
    encounter = await kiosk.encounter("lane-2")
    await kiosk.check(encounter)
    await kiosk.records.release(encounter.encounter_id)
    alert = await kiosk.answer(encounter, finger_hit(), text="Contact NCB.")
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
        line = (await read(client, "/guard/state"))["alerts"][0]
    released = (await kiosk.records.encounter(encounter.encounter_id)).released_at
    assert line["kind"] == "late"
    assert line["left_at"] == released
    assert line["lane"] == "lane-2"
    assert detail["portrait"]
    assert detail["gateway_text"] == "Contact NCB."


async def test_trouble_is_its_own_kind_with_advice_and_without_a_hit(kiosk: Kiosk) -> None:
    alert = await kiosk.check(await kiosk.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
    assert detail["line"]["tone"] == "trouble"
    assert detail["line"]["certainty"] == ""
    assert detail["hits"] == []
    assert detail["troubles"][0]["words"] == "Document could not be read"
    assert detail["troubles"][0]["advice"]


async def test_what_became_of_the_liveness_checks_is_shown_with_the_alert(kiosk: Kiosk) -> None:
    passive = LivenessCheck(method="passive", state=LivenessState.PASSED, threshold=0.5, score=0.91)
    active = LivenessCheck(
        method="active", state=LivenessState.FAILED, threshold=0.5, score=0.21, detail=LivenessDetail.FLAT
    )
    encounter = await kiosk.encounter(liveness=Liveness(checks=(passive, active)))
    alert = await kiosk.check(encounter, trouble=(ReferReason.LIVENESS_FAILED,))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
    assert detail["liveness"] == [
        "Live face, model: passed (0.91, 0.50 needed)",
        "Live face, head turn: not passed, moved like a picture, not like a head (0.21, 0.50 needed)",
    ]
    assert "by eye" in detail["troubles"][0]["advice"]


async def test_what_became_of_the_chip_is_shown_with_the_alert_and_its_picture(kiosk: Kiosk) -> None:
    chip = ChipCheck(state=ChipState.BROKEN, findings=(ChipFinding.COPY, ChipFinding.WRONG_HASH), groups=("DG2",))
    portrait = PortraitCheck(asked_fmr=1e-3, engine="e", matches=False, fmr=0.02, similarity=0.4)
    held = Sample(modality="portrait", media_type="image/jp2", image=_jpeg_2000(), width=60, height=80)
    encounter = await kiosk.encounter(chip=chip, portrait=portrait, more=(held,))
    alert = await kiosk.check(encounter, trouble=(ReferReason.CHIP_NOT_GENUINE,))
    async with kiosk.client() as client:
        detail = await read(client, f"/api/alerts/{alert}")
        (shown,) = [one for one in detail["samples"] if one["modality"] == "portrait"]
        assert shown["label"] == "Chip's picture"
        # No browser shows JPEG 2000.
        answer = await client.get(shown["probe"])
        assert (answer.status, answer.content_type) == (200, "image/png")
    assert detail["chip"] == [
        "Chip: not genuine: it does not hold its private key: a copy; something on it is not what was signed (DG2)",
        (
            "Face and chip's picture: not alike enough. 1 in 50 people would match this well"
            " (1 in 1\u00a0000 people needed)"
        ),
    ]
    assert "Examine" in detail["troubles"][0]["advice"]


def _jpeg_2000() -> bytes:
    return cv2.imencode(".jp2", np.full((80, 60, 3), 90, np.uint8))[1].tobytes()


def test_there_are_words_for_every_finding_and_problem() -> None:
    for finding in ChipFinding:
        (line,) = chip_view.lines(ChipCheck(state=ChipState.NOT_READ, findings=(finding,)), None)
        assert line.startswith("Chip: not read: ")
    for problem in PortraitProblem:
        (line,) = chip_view.lines(None, PortraitCheck(asked_fmr=1e-3, engine="e", problem=problem))
        assert line.startswith("Face and chip's picture: not compared: ")
    assert chip_view.lines(None, None) == ()
    (line,) = chip_view.lines(ChipCheck(state=ChipState.AUTHENTIC, copy_checked=True), None)
    assert line == "Chip: authentic; it has shown that it is no copy"


@pytest.mark.parametrize(("decision", "state"), [("confirm", "confirmed"), ("escalate", "escalated")])
async def test_a_decision_is_stored_and_can_be_taken_back(kiosk: Kiosk, decision: str, state: str) -> None:
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    assert alert is not None
    async with kiosk.client() as client:
        assert (await decide(client, alert, decision=decision))[1]["state"] == state
        assert (await kiosk.records.alert(alert)).state == state
        assert (await read(client, "/guard/state"))["alerts"] == []
        assert (await decide(client, alert, decision="reopen"))[0] == 200
        assert len((await read(client, "/guard/state"))["alerts"]) == 1


async def test_a_dismissal_needs_one_of_the_reasons(kiosk: Kiosk) -> None:
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    assert alert is not None
    async with kiosk.client() as client:
        assert (await decide(client, alert, decision="dismiss"))[0] == 400
        assert (await decide(client, alert, decision="dismiss", reason="because"))[0] == 400
        reason = next(iter(DISMISSALS))
        assert (await decide(client, alert, decision="dismiss", reason=reason, note="taller"))[0] == 200
    stored = await kiosk.records.alert(alert)
    assert stored.decision_reason == f"{reason}: taller"


@pytest.mark.parametrize(
    "wish",
    [{}, {"decision": "arrest"}, {"decision": "confirm", "extra": 1}, {"decision": "confirm", "note": "x" * 201}],
)
async def test_a_wish_that_is_no_decision_is_refused_and_changes_nothing(kiosk: Kiosk, wish: dict[str, str]) -> None:
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    assert alert is not None
    async with kiosk.client() as client:
        assert (await decide(client, alert, **wish))[0] == 400
    assert (await kiosk.records.alert(alert)).state == "open"


async def test_the_second_of_two_officers_is_told_so(kiosk: Kiosk) -> None:
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    async with kiosk.client() as client:
        await decide(client, alert, decision="confirm")
        status, problem = await decide(client, alert, decision="escalate")
    assert status == 409
    assert problem["reason"] == "conflict"


@pytest.mark.parametrize(
    "path",
    [
        "/api/alerts/99",
        "/api/alerts/x",
        "/api/alerts/99999999999999999999999",
        "/api/encounters/none/samples/face",
        "/api/encounters/none/samples/iris",
        "/api/references/none/finger/right_index",
        "/api/references/none/finger/sixth",
    ],
)
async def test_what_is_not_there_is_not_found(kiosk: Kiosk, path: str) -> None:
    async with kiosk.client() as client, client.get(path) as answer:
        assert answer.status == 404


async def test_every_view_and_decision_is_in_the_audit_chain_and_nothing_personal(kiosk: Kiosk) -> None:
    listed = record(Notice.RED)
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = png(drawn(7))
    encounter = await kiosk.encounter()
    alert = await kiosk.check(encounter, finger_hit(listed))
    async with kiosk.client() as client:
        await read(client, "/guard/state")
        detail = await read(client, f"/api/alerts/{alert}")
        face, finger = detail["hits"][0]["pairs"]
        for address in (face["probe"], finger["probe"], finger["reference"]):
            async with client.get(address) as answer:
                assert answer.status == 200
        async with client.get("/api/encounters/nobody/samples/face") as answer:
            assert answer.status == 404
        note = "Anna Eriksson, 12 August 1974"
        await decide(client, alert, decision="dismiss", reason="other_person", note=note)
    await kiosk.records.views_written()
    rows = await kiosk.records._db.rows("SELECT event, subject, actor, detail FROM audit")
    told = [(row["event"], row["subject"], row["detail"].partition("note=")[0].strip()) for row in rows]
    for one in (
        ("alerts.viewed", "alerts", ""),
        ("alert.viewed", encounter.encounter_id, f"alert {alert}"),
        ("picture.viewed", encounter.encounter_id, "face"),
        ("picture.viewed", encounter.encounter_id, "finger right_index"),
        ("reference.viewed", "watchlist", "finger right_index"),
        ("alert.dismiss", encounter.encounter_id, f"alert {alert} other_person"),
    ):
        assert told.count(one) == 1, one
    assert not [one for one in told if "nobody" in one]
    assert {row["actor"] for row in rows if "viewed" in row["event"]} == {f"badge {BADGE}"}
    assert not [one for one in told if any(word in str(one).upper() for word in ("ERIKSSON", "1974", "L898902C3"))]
