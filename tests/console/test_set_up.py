"""Setting up: each step is looked at anew, how far somebody has come is kept, and nothing is set in silence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hotspotd.console.set_up_steps import STEPS
from hotspotd.domain.rights import Role
from hotspotd.domain.software import UpdateState
from hotspotd.errors import Reason, UpkeepError
from hotspotd.upkeep import profiles
from tests.console import kiosk as kiosks
from tests.console.kiosk import Kiosk

JSON = "application/json"


async def state(kiosk: Kiosk) -> dict[str, Any]:
    async with kiosk.client(Role.TECHNICIAN) as client, client.get("/set-up/state") as answer:
        assert answer.status == 200
        return await answer.json()


async def post(kiosk: Kiosk, path: str, body: object) -> tuple[int, dict[str, Any]]:
    async with kiosk.client(Role.TECHNICIAN) as client, client.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def test_every_step_says_how_it_is_why_and_what_to_do(kiosk: Kiosk) -> None:
    found = {step["step"]: step for step in (await state(kiosk))["steps"]}
    assert tuple(found) == STEPS
    assert found["devices"]["state"] == "works"
    assert found["enrolment"]["state"] == "fails"
    assert found["enrolment"]["commands"] == ["sudo hotspotctl device enrol"]
    assert found["network"]["facts"]["hosts"][0]["name"] == "gateway.test"
    assert ["Document", "zone"] in found["operation"]["facts"]["asked"]
    assert all(step["reason"] for step in found.values())


async def test_how_far_somebody_has_come_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with kiosks.running(tmp_path) as kiosk:
        assert (await state(kiosk))["progress"] == {"at": "language", "seen": {}, "language": "en"}
        status, whole = await post(kiosk, "/api/set-up/language", {"language": "sq"})
        assert status == 200
        await post(kiosk, "/api/set-up/steps/language", {"seen": True})
        await post(kiosk, "/api/set-up/steps/time", {"seen": True})
    async with kiosks.running(tmp_path) as kiosk:
        progress = (await state(kiosk))["progress"]
        assert (progress["at"], sorted(progress["seen"]), progress["language"]) == (
            "network",
            ["language", "time"],
            "sq",
        )
        async with kiosk.stranger() as client, client.get("/traveller/lane-1") as page:
            assert '<html lang="sq" data-house="sq"' in await page.text()
        _, whole = await post(kiosk, "/api/set-up/steps/time", {"seen": False})
        assert (whole["progress"]["at"], list(whole["progress"]["seen"])) == ("time", ["language"])
        kept = [entry.event for entry in await kiosk.records.entries_since(0)]
        assert kept.count("set_up.changed") == 4


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("steps/nonsense", {"seen": True}, 404),
        ("steps/time", {"seen": "yes"}, 400),
        ("language", {"language": "xx"}, 400),
        ("time", {"zone": "Mars/Olympus"}, 400),
        ("time", {"time": "2026-02-31 10:00"}, 400),
        ("time", {"time": "tomorrow; reboot"}, 400),
        ("time", {}, 400),
        ("enrolment", {"url": "https://x", "code": "1", "fingerprint": "2"}, 409),
    ],
)
async def test_what_cannot_be_is_refused_with_what_to_do(kiosk: Kiosk, path: str, body: object, status: int) -> None:
    answered, said = await post(kiosk, f"/api/set-up/{path}", body)
    assert answered == status
    assert said["what"]
    assert said["advice"]


async def test_a_profile_is_chosen_beside_the_configuration_for_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "quick.toml").write_text('[operation]\nname = "quick"\nfingers = []\n')
    (folder / "signal.toml").write_text('[operation]\nname = "signal"\nrequired = ["signal"]\n')
    (folder / "wrong.toml").write_text("[operation]\nnam = 1\n")
    async with kiosks.running(tmp_path) as kiosk:
        for profile, status in (
            ("../hotspotd.toml", 404),
            ("none.toml", 404),
            ("wrong.toml", 400),
            ("signal.toml", 400),
        ):
            answered, said = await post(kiosk, "/api/set-up/operation", {"profile": profile})
            assert (answered, bool(said["advice"])) == (status, True), profile
        assert not (tmp_path / profiles.CHOICE).exists()
        _, whole = await post(kiosk, "/api/set-up/operation", {"profile": "quick.toml"})
        step = next(step for step in whole["steps"] if step["step"] == "operation")
        assert step["facts"]["chosen"] == "quick"
        assert "starts anew" in step["advice"]
        assert [profile["problem"] != "" for profile in step["facts"]["profiles"]] == [False, False, True]
        config, text = await asyncio.to_thread(profiles.with_choice, tmp_path / "hotspotd.toml", kiosks.config())
        assert (config.operation.name, config.operation.fingers, bool(text)) == ("quick", (), True)
        await post(kiosk, "/api/set-up/operation", {"profile": ""})
        assert (await asyncio.to_thread(profiles.with_choice, tmp_path / "hotspotd.toml", kiosks.config()))[1] == ""


async def test_a_refusal_of_the_system_comes_with_the_command(
    kiosk: Kiosk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "timedatectl"
    tool.write_text('#!/bin/sh\nif [ "$3" = Europe/Paris ]; then exit 0; fi\necho "Access denied" >&2; exit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert await post(kiosk, "/api/set-up/time", {"zone": "Europe/Paris"}) == (
        200, {"done": True, "said": "", "command": ""}
    )  # fmt: skip
    _, told = await post(kiosk, "/api/set-up/time", {"time": "2026-11-22 14:03"})
    assert told == {"done": False, "said": "Access denied", "command": "sudo timedatectl set-time '2026-11-22 14:03'"}


class Site:
    """Enrols and updates as a daemon would that can."""

    def __init__(self) -> None:
        self.running, self.before = "2", "1"

    async def enrol(self, url: str, code: str, fingerprint: str) -> str:
        if code != "right":
            raise UpkeepError(Reason.NOT_ALLOWED, "the code is not the gateway's", "Ask for another one.")
        return f"enrolled at {url}, {fingerprint}"

    async def state(self) -> UpdateState:
        return UpdateState(self.running, self.before)

    async def check(self) -> UpdateState:
        return UpdateState(self.running, self.before, "3")

    async def apply(self) -> UpdateState:
        self.running, self.before = "3", self.running
        return await self.state()

    async def roll_back(self) -> UpdateState:
        self.running, self.before = self.before, self.running
        return await self.state()


async def test_a_daemon_that_enrols_and_updates_does_so_and_the_code_is_written_nowhere(tmp_path: Path) -> None:
    site = Site()
    async with kiosks.running(tmp_path, enrolment=site, updates=site) as kiosk:
        wish = {"url": "https://g", "code": "secret-code", "fingerprint": "ab"}
        assert (await post(kiosk, "/api/set-up/enrolment", wish))[0] == 403
        assert await post(kiosk, "/api/set-up/enrolment", wish | {"code": "right"}) == (
            200, {"said": "enrolled at https://g, ab"}
        )  # fmt: skip
        assert (await post(kiosk, "/api/software/check", {}))[1]["ready"] == "3"
        assert (await post(kiosk, "/api/software/apply", {}))[1]["running"] == "3"
        assert (await post(kiosk, "/api/software/roll-back", {}))[1]["running"] == "2"
        entries = await kiosk.records.entries_since(0)
        said = [(entry.event, entry.detail) for entry in entries if entry.event.startswith(("set_up", "software"))]
        assert said == [
            ("set_up.enrolment", "refused"),
            ("set_up.enrolment", "enrolled"),
            ("software.check", ""),
            ("software.apply", ""),
            ("software.roll_back", ""),
        ]
        assert "secret-code" not in json.dumps([str(entry) for entry in entries])


async def test_checks_come_worst_first_and_the_bundle_is_a_zip_of_nobody(kiosk: Kiosk) -> None:
    encounter = await kiosk.encounter()
    await kiosk.check(encounter, kiosks.finger_hit())
    async with kiosk.client(Role.TECHNICIAN) as client:
        async with client.get("/technician/checks") as answer:
            states = [one["state"] for one in await answer.json()]
        assert states == sorted(states, key=["fails", "warning", "not_checked", "works"].index)
        async with client.get("/technician/machine") as answer:
            shown = await answer.json()
        assert shown["machine"]["storage"]["database"] > 0
        assert {model["name"] for model in shown["models"]} == {"face-descriptor", "finger-minutiae"}
        async with client.get("/technician/support-bundle.zip") as answer:
            assert answer.headers["Content-Disposition"].startswith('attachment; filename="korcula-1-')
            assert (await answer.read())[:2] == b"PK"
        for path in ("/technician/checks", "/technician/log", "/technician/machine"):
            async with client.get(path) as answer:
                text = await answer.text()
            assert not any(secret in text for secret in ("ERIKSSON", "L898902C", "1974"))
    await kiosk.records.views_written()
    events = {entry.event for entry in await kiosk.records.entries_since(0)}
    assert {"support_bundle.taken", "log.viewed"} <= events
