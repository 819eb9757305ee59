"""The worked examples of ICAO Doc 9303-11: appendix D (basic access, secure messaging) and G (PACE)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from drivers.chip import modp
from drivers.chip.access import MRZ_PASSWORD, basic_access, mrz_seed, pace
from drivers.chip.apdu import Command, Response
from drivers.chip.card import Card
from drivers.chip.ciphers import AUTHENTICATION, ENCRYPTION, PASSWORD, Suite
from drivers.chip.groups import NUMBERS, standardised
from drivers.chip.secure_messaging import SecureMessaging
from drivers.chip.security_infos import pace_infos

_ = bytes.fromhex


class Script:
    """A card that answers one exchange only, step by step."""

    def __init__(self, *steps: tuple[str, str]) -> None:
        self._steps = [(_(command), _(answer)) for command, answer in steps]

    def __call__(self, command: bytes) -> bytes:
        expected, answer = self._steps.pop(0)
        assert command.hex() == expected.hex()
        return answer

    def finished(self) -> bool:
        return not self._steps


def _drawn(*values: str) -> Callable[[], int]:
    left = [int(value, 16) for value in values]
    return lambda: left.pop(0)


def test_d2_keys_are_derived_from_the_zone() -> None:
    seed = mrz_seed("L898902C<369080619406236")[:16]
    assert seed == _("239AB9CB282DAF66231DC5A4DF6BFBAE")
    assert Suite.TDES.derive(seed, ENCRYPTION) == _("AB94FDECF2674FDFB9B391F85D7F76F2")
    assert Suite.TDES.derive(seed, AUTHENTICATION) == _("7962D9ECE03D1ACD4C76089DCE131543")


def test_d3_basic_access_opens_the_chip() -> None:
    script = Script(
        ("0084000008", "4608F919887022129000"),
        (
            "008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
            "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000",
        ),
    )
    randoms = [_("781723860C06C226"), _("0B795240CB7049B01C19B33E32804F0B")]
    channel = basic_access(Card(script), "L898902C<369080619406236", lambda _length: randoms.pop(0))
    assert script.finished()
    # The session keys and the counter show in the first protected command, which is that of D.4.
    select = channel.protect(Command(0, 0xA4, 0x02, 0x0C, _("011E")))
    assert select.encode() == _("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800")


def test_d4_secure_messaging() -> None:
    channel = SecureMessaging(
        Suite.TDES, _("979EC13B1CBFE9DCD01AB0FED307EAE5"), _("F1CB1F1FB5ADF208806B89DC579DC1F8"), 0x887022120C06C226
    )
    exchanges: Sequence[tuple[Command, str, str, str]] = (
        (
            Command(0, 0xA4, 0x02, 0x0C, _("011E")),
            "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
            "990290008E08FA855A5D4C50A8ED9000",
            "",
        ),
        (
            Command(0, 0xB0, 0, 0, b"", 4),
            "0CB000000D9701048E08ED6705417E96BA5500",
            "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
            "60145F01",
        ),
        (
            Command(0, 0xB0, 0, 4, b"", 0x12),
            "0CB000040D9701128E082EA28A70F3C7B53500",
            "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
            "04303130365F36063034303030305C026175",
        ),
    )
    for plain, protected, answer, data in exchanges:
        assert channel.protect(plain).encode() == _(protected)
        assert channel.opened(Response.decode(_(answer))) == Response(0x9000, _(data))


_G_ZONE = "T22000129364081251010318"


def test_g_the_password_key() -> None:
    seed = mrz_seed(_G_ZONE)
    assert seed == _("7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD")
    assert Suite.AES128.derive(seed, PASSWORD) == _("89DED1B26624EC1E634C1989302849DD")


def test_g1_pace_with_ecdh_and_generic_mapping() -> None:
    (info,) = pace_infos(_("31143012060A04007F0007020204020202010202010D"))
    assert (info.name, info.parameters) == ("PACE-ECDH-GM-AES-128", 13)
    script = Script(
        ("0022C1A40F800A04007F00070202040202830101", "9000"),
        ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
        (
            (
                "10860000457C438141047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E"
                "544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D00"
            ),
            (
                "7C43824104824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"
                "30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C549000"
            ),
        ),
        (
            (
                "10860000457C438341042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C"
                "3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB3646200"
            ),
            (
                "7C438441049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB"
                "7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F0949000"
            ),
        ),
        ("008600000C7C0A8508C2B0BD78D94BA86600", "7C0A86083ABB9674BCE93C089000"),
    )
    scalar = _drawn(
        "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99",
        "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595",
    )
    channel = pace(Card(script), info, standardised(13), mrz_seed(_G_ZONE), MRZ_PASSWORD, scalar=scalar)
    assert script.finished()
    expected = SecureMessaging(
        Suite.AES128, _("F5F0E35C0D7161EE6724EE513A0D9A7F"), _("FE251C7858B356B24514B3BD5F4297D1")
    )
    command = Command(0, 0xB0, 0x9E, 0, b"", 4)
    assert channel.protect(command) == expected.protect(command)


def test_g2_pace_with_dh_and_generic_mapping() -> None:
    (info,) = pace_infos(_("31143012060A04007F00070202040102020102020100"))
    assert (info.name, info.parameters) == ("PACE-DH-GM-AES-128", 0)
    terminal_mapping = (
        "23FB3749EA030D2A25B278D2A562047ADE3F01B74F17A15402CB7352CA7D2B3EB71C343DB13D1DEBCE9A3666DBCFC920"
        "B49174A602CB47965CAA73DC702489A44D41DB914DE9613DC5E98C94160551C0DF86274B9359BC0490D01B03AD54022D"
        "CB4F57FAD6322497D7A1E28D46710F461AFE710FBBBC5F8BA166F4311975EC6C"
    )
    chip_mapping = (
        "78879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19E004706FACE7"
        "B235C2DBF2F38748312F3C98C2DD4882A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6783FE42C9F24"
        "49400306254C8AE8EE9DD812A804C0B66E8CAFC14F84D8258950A91B44126EE6"
    )
    terminal_public = (
        "907D89E2D425A178AA81AF4A7774EC8E388C115CAE67031E85EECE520BD911551B9AE4D04369F29A02626C86FBC6747C"
        "C7BC352645B6161A2A42D44EDA80A08FA8D61B76D3A154AD8A5A51786B0BC07147057871A922212C5F67F43173172236"
        "B7747D1671E6D692A3C7D40A0C3C5CE397545D015C175EB5130551EDBC2EE5D4"
    )
    chip_public = (
        "075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC79AB5D0AEEC3"
        "AEFB91394DA476BD97B9B14D0A65C1FC71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A6D46DB974064"
        "386CD456743585F8E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1"
    )
    script = Script(
        ("0022C1A40F800A04007F00070202040102830101", "9000"),
        ("10860000027C0000", "7C128010854D8DF5827FA6852D1A4FA701CDDDCA9000"),
        (f"10860000867C8183818180{terminal_mapping}00", f"7C8183828180{chip_mapping}9000"),
        (f"10860000867C8183838180{terminal_public}00", f"7C8183848180{chip_public}9000"),
        ("008600000C7C0A8508B46DD9BD4D98381F00", "7C0A8608917F37B5C0E6D8D19000"),
    )
    scalar = _drawn("5265030F751F4AD18B08AC565FC7AC952E41618D", "89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA")
    channel = pace(Card(script), info, standardised(0), mrz_seed(_G_ZONE), MRZ_PASSWORD, scalar=scalar)
    assert script.finished()
    expected = SecureMessaging(
        Suite.AES128, _("2F7F46ADCC9E7E521B45D192FAFA9126"), _("805A1D27D45A5116F73C54469462B7D8")
    )
    command = Command(0, 0xB0, 0x9E, 0, b"", 4)
    assert channel.protect(command) == expected.protect(command)


@pytest.mark.parametrize("number", NUMBERS)
def test_two_sides_agree_in_every_standardised_group(number: int) -> None:
    group = standardised(number)
    mine, yours = group.scalar(), group.scalar()
    my_public, your_public = group.multiply(group.generator, mine), group.multiply(group.generator, yours)
    assert group.multiply(your_public, mine) == group.multiply(my_public, yours)
    with pytest.raises(ValueError, match=r"element|point|subgroup"):
        group.multiply(my_public[:-1] + bytes([my_public[-1] ^ 1]), mine)


@pytest.mark.parametrize("parameters", modp.GROUPS, ids=lambda one: one[0])
def test_the_modular_groups_are_groups(parameters: tuple[str, int, int, int]) -> None:
    _name, prime, generator, order = parameters
    assert (prime - 1) % order == 0
    assert pow(generator, order, prime) == 1
