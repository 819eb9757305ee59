"""What happens to the links around one traveller: cut, mended, used again; and the bureau's word on a late hit."""

from __future__ import annotations

from collections.abc import Callable

from demonstration.link import FIBRE, LTE
from demonstration.result import ANSWER_S, Result
from demonstration.stage import Stage
from demonstration.travellers import Twist

_CUT = (Twist.LINK_DOWN, Twist.DAEMON_KILLED, Twist.FIBRE_CUT)
_CARRIED_BY_LTE = {
    Twist.LINK_DOWN: "lte was back before the fibre: the late hit came by lte",
    Twist.FIBRE_CUT: "the fibre was cut: the check went by lte",
}


class LinkTwists:
    """The cables of ``stage`` while the traveller of ``result`` is at the lane."""

    def __init__(self, stage: Stage, result: Result, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._result = result
        self._traveller = result.traveller
        self._say = say
        self._sent: dict[str, int] = {}

    async def before(self) -> None:
        """Cut what is to be cut, and see the officer's page say so."""
        officer, cables = self._stage.officer, self._stage.cables
        match self._traveller.twist:
            case Twist.LINK_DOWN | Twist.DAEMON_KILLED:
                self._say("the link to the gateway is cut")
                cables.cut()
                await officer.until(lambda: officer.link.get("up") is False, ANSWER_S, "the link to be down")
            case Twist.FIBRE_CUT:
                self._say("the fibre to the gateway is cut")
                cables[FIBRE].cut()
                await self._active(LTE)
        self._sent = officer.sent()

    def forget_sent(self) -> None:
        """The daemon was started anew: it counts from the beginning."""
        self._sent = {}

    async def mend(self, encounter: str) -> None:
        """Mend what has to be for an answer; for a late hit only when the traveller has left."""
        officer, cables = self._stage.officer, self._stage.cables
        match self._traveller.twist:
            case Twist.LINK_DOWN:
                await officer.until(
                    lambda: (
                        officer.encounters[encounter]["released_at"]
                        or self._stage.traveller.view.get("state") == "idle"
                    ),
                    ANSWER_S,
                    "the traveller to leave",
                )
                self._say("the link is back: lte, not yet the fibre")
                cables[LTE].mend()
            case Twist.DAEMON_KILLED:
                self._say("the link is back")
                cables.mend()

    async def carried(self) -> None:
        """Note by which link the check has gone."""
        officer, expected = self._stage.officer, self._traveller.expected_link

        def grown() -> list[str]:
            return [name for name, size in officer.sent().items() if size > self._sent.get(name, 0)]

        by = " and ".join(await officer.until(grown, ANSWER_S, "the officer's page to count what was sent"))
        self._say(f"the check went by {by}")
        self._result.link = by
        if expected is not None and by != expected:
            self._result.problems.append(f"went by {by}, not by {expected}")
        elif expected == LTE:
            self._result.notes.append(_CARRIED_BY_LTE[self._traveller.twist])

    async def after(self, encounter: str, tcn: str) -> None:
        """Have the bureau look at a late hit; mend everything, and see the fibre in use."""
        twist = self._traveller.twist
        if twist is Twist.LINK_DOWN:
            await self._bureau_confirms(encounter, tcn)
        if twist in _CUT:
            self._stage.cables.mend()
            await self._active(FIBRE)
        if self._result.link == LTE:
            self._say("the fibre is in use again")
            self._result.notes.append("the fibre was used again when it was back")

    async def _bureau_confirms(self, encounter: str, tcn: str) -> None:
        """An officer of the bureau confirms the hit at the desk, and the officer at the border reads so."""
        officer, bureau = self._stage.officer, self._stage.bureau
        hit = await bureau.hit_of(tcn)
        if hit is None:
            raise RuntimeError("the hit is not at the bureau's desk")
        await bureau.confirm(hit, "Both fingers agree")
        self._say("an officer of the bureau confirms the hit")

        def confirmed() -> str | None:
            mine = (alert for alert in officer.alerts if alert["encounter_id"] == encounter)
            return next((alert["certainty"] for alert in mine if alert["certainty"] != "unconfirmed"), None)

        self._result.certainty = await officer.until(confirmed, ANSWER_S, "the bureau's word on the officer's page")
        self._say(f"the officer reads: {self._result.certainty}")
        self._result.notes.append(f"the bureau has looked at the late hit: {self._result.certainty}")

    async def _active(self, link: str) -> None:
        officer = self._stage.officer
        await officer.until(lambda: officer.active_link == link, ANSWER_S, f"the officer's page to show {link} in use")
