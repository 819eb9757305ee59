"""The chip of a made-up travel document: commands in, answers out (ICAO Doc 9303-10 and -11). No I/O.

It speaks basic access control, PACE with generic mapping, secure messaging and chip authentication, with the codecs of
drivers.chip; that those are right is shown by the worked examples of the standard, not by this peer.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.chip import tlv
from drivers.chip.access import CAN_PASSWORD, MRZ_PASSWORD, mrz_seed, pace_token
from drivers.chip.apdu import ApduError, Command, Response
from drivers.chip.ciphers import AUTHENTICATION, ENCRYPTION, PASSWORD, Suite, pad, same
from drivers.chip.groups import Group, GroupError, standardised
from drivers.chip.secure_messaging import ChannelError, SecureMessaging
from drivers.chip.security_infos import PaceInfo

_CARD_ACCESS = 0x011C
_APPLICATION = bytes.fromhex("A0000002471001")
_PACE_OID = bytes.fromhex("04007F0007020204")
_PROOF_OID = bytes.fromhex("04007F0007020203")
_KEY_OID = bytes.fromhex("04007F0007020201")
_STANDARDISED = bytes.fromhex("04007F00070102")
_NUMBERS = {Suite.TDES: 1, Suite.AES128: 2, Suite.AES192: 3, Suite.AES256: 4}

_OK, _END, _WRONG, _CLOSED, _BAD = 0x9000, 0x6282, 0x6300, 0x6982, 0x6A80
_NO_FILE, _LENGTH, _OFFSET, _NO_COMMAND, _TORN, _ORDER = 0x6A82, 0x6700, 0x6B00, 0x6D00, 0x6988, 0x6985


@dataclass(frozen=True)
class Proof:
    """The key pair of chip authentication."""

    number: int
    suite: Suite
    private: int = field(repr=False)

    @classmethod
    def new(cls, number: int = 13, suite: Suite = Suite.AES128) -> Proof:
        """A fresh one, in the group with this number."""
        return cls(number, suite, standardised(number).scalar())

    def infos(self) -> bytes:
        """What DG14 says about it: the public key and its protocol."""
        group = standardised(self.number)
        public = group.multiply(group.generator, self.private)
        if not group.elliptic:
            public = tlv.encode(0x02, b"\x00" + public)
        parameters = tlv.encode(0x06, _STANDARDISED) + tlv.encode(0x02, bytes([self.number]))
        key = tlv.encode(0x30, tlv.encode(0x30, parameters) + tlv.encode(0x03, b"\x00" + public))
        kind = 2 if group.elliptic else 1
        key_info = tlv.encode(0x06, _KEY_OID + bytes([kind])) + key
        protocol = tlv.encode(0x06, _PROOF_OID + bytes((kind, _NUMBERS[self.suite]))) + tlv.encode(0x02, b"\x01")
        return tlv.encode(0x30, key_info) + tlv.encode(0x30, protocol)


def dg14(proof: Proof) -> bytes:
    """DG14 with the public key of ``proof``."""
    return tlv.encode(0x6E, tlv.encode(0x31, proof.infos()))


def pace_offer(number: int, suite: Suite) -> PaceInfo:
    """PACE in the group with this number."""
    elliptic = standardised(number).elliptic
    oid = _PACE_OID + bytes((2 if elliptic else 1, _NUMBERS[suite]))
    return PaceInfo(oid, suite, elliptic, number)


def card_access(*offers: PaceInfo) -> bytes:
    """EF.CardAccess with these."""
    infos = b"".join(
        tlv.encode(
            0x30, tlv.encode(0x06, one.oid) + tlv.encode(0x02, b"\x02") + tlv.encode(0x02, bytes([one.parameters]))
        )
        for one in offers
    )
    return tlv.encode(0x31, infos)


@dataclass(frozen=True)
class Personalisation:
    """What a chip is made with. ``files`` by identifier; ``pace`` what it offers, ``basic`` whether BAC opens it.

    ``mrz`` is the MRZ information. ``proof`` may hold another private key than DG14's public one: that is a copy.
    """

    files: Mapping[int, bytes] = field(repr=False)
    mrz: str = field(repr=False)
    can: str = field(default="", repr=False)
    pace: tuple[PaceInfo, ...] = ()
    basic: bool = True
    proof: Proof | None = None
    extended: bool = True


class Chip:
    """One chip in the field. ``respond`` answers commands one by one."""

    def __init__(self, made: Personalisation) -> None:
        self._made = made
        self.reset()

    def reset(self) -> None:
        """As after power on."""
        self._channel: SecureMessaging | None = None
        self._next: SecureMessaging | None = None
        self._open = False
        self._application = False
        self._file: int | None = None
        self._challenge = b""
        self._pace: _Pace | None = None
        self._proving = False

    def respond(self, raw: bytes) -> bytes:
        """The answer to one command."""
        try:
            command = Command.decode(raw)
        except ApduError:
            return Response(_LENGTH).encode()
        channel = self._channel
        if channel is None:
            answer = self._do(command)
        else:
            try:
                plain = channel.opened_command(command)
            except ChannelError:
                # The keys are dropped, and with them what they opened (9303-11, 9.8.3).
                self._channel, self._open = None, False
                return Response(_TORN).encode()
            answer = channel.answer(self._do(plain), odd=bool(command.ins & 1))
        if self._next is not None:
            self._channel, self._next = self._next, None
        return answer.encode()

    def _do(self, command: Command) -> Response:
        if command.expected > 256 and not self._made.extended:
            return Response(_LENGTH)
        handlers = {
            0xA4: self._select,
            0xB0: self._read,
            0xB1: self._read_far,
            0x84: self._give_challenge,
            0x82: self._basic_access,
            0x22: self._set_environment,
            0x86: self._general_authenticate,
        }
        handler = handlers.get(command.ins)
        try:
            return Response(_NO_COMMAND) if handler is None else handler(command)
        except (tlv.TlvError, GroupError, ValueError):
            return Response(_BAD)

    def _select(self, command: Command) -> Response:
        if command.p1 == 0x04:
            if command.data != _APPLICATION:
                return Response(_NO_FILE)
            self._application, self._file = True, None
            return Response(_OK)
        if command.p1 == 0x00 and command.data == b"\x3f\x00":
            self._application, self._file = False, None
            return Response(_OK)
        return self._choose(int.from_bytes(command.data, "big"))

    def _choose(self, identifier: int) -> Response:
        if identifier not in self._made.files or (identifier == _CARD_ACCESS) is self._application:
            return Response(_NO_FILE)
        if identifier != _CARD_ACCESS and not self._open:
            return Response(_CLOSED)
        self._file = identifier
        return Response(_OK)

    def _read(self, command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            chosen = self._choose(0x0100 | command.p1 & 0x1F)
            if not chosen.ok:
                return chosen
            offset = command.p2
        return self._piece(offset, command.expected)

    def _read_far(self, command: Command) -> Response:
        offset = int.from_bytes(tlv.value(command.data, 0x54), "big")
        # The expected length counts the header of the data object as well.
        room = command.expected - len(tlv.encode_length(command.expected)) - 1
        found = self._piece(offset, max(0, room))
        return Response(found.status, tlv.encode(0x53, found.data)) if found.data else found

    def _piece(self, offset: int, length: int) -> Response:
        if self._file is None:
            return Response(0x6986)
        content = self._made.files[self._file]
        if offset >= len(content):
            return Response(_OFFSET)
        data = content[offset : offset + length]
        return Response(_OK if len(data) == length else _END, data)

    def _give_challenge(self, command: Command) -> Response:
        if not self._made.basic or not self._application:
            return Response(_ORDER)
        self._challenge = secrets.token_bytes(command.expected)
        return Response(_OK, self._challenge)

    def _basic_access(self, command: Command) -> Response:
        challenge, self._challenge = self._challenge, b""
        if len(challenge) != 8 or len(command.data) != 40:
            return Response(_ORDER)
        suite, seed = Suite.TDES, mrz_seed(self._made.mrz)[:16]
        encryption, authentication = suite.derive(seed, ENCRYPTION), suite.derive(seed, AUTHENTICATION)
        hidden, code = command.data[:32], command.data[32:]
        if not same(code, suite.mac(authentication, pad(hidden, 8))):
            return Response(_WRONG)
        plain = suite.decrypt(encryption, hidden)
        theirs, echoed, key = plain[:8], plain[8:16], plain[16:]
        if echoed != challenge:
            return Response(_WRONG)
        own = secrets.token_bytes(16)
        answer = suite.encrypt(encryption, challenge + theirs + own)
        secret = bytes(one ^ other for one, other in zip(key, own, strict=True))
        self._next = SecureMessaging.agreed(suite, secret, int.from_bytes(challenge[4:] + theirs[4:], "big"))
        self._open = True
        return Response(_OK, answer + suite.mac(authentication, pad(answer, 8)))

    def _set_environment(self, command: Command) -> Response:
        objects = dict(tlv.items(command.data))
        match command.p1, command.p2:
            case 0xC1, 0xA4:
                return self._begin_pace(objects)
            case 0x41, 0xA6 if self._made.proof is not None and self._channel is not None:
                return self._prove(objects[0x91]) if 0x91 in objects else Response(_BAD)
            case 0x41, 0xA4 if self._made.proof is not None and self._channel is not None:
                self._proving = True
                return Response(_OK)
            case _:
                return Response(_BAD)

    def _begin_pace(self, objects: Mapping[int, bytes]) -> Response:
        parameters = objects.get(0x84, b"")
        for offer in self._made.pace:
            if offer.oid == objects.get(0x80) and (not parameters or parameters[0] == offer.parameters):
                break
        else:
            return Response(_BAD)
        reference = int.from_bytes(objects.get(0x83, b""), "big")
        if reference == MRZ_PASSWORD:
            password = mrz_seed(self._made.mrz)
        elif reference == CAN_PASSWORD and self._made.can:
            password = self._made.can.encode("ascii")
        else:
            return Response(_BAD)
        self._pace = _Pace(offer, standardised(offer.parameters), password)
        return Response(_OK)

    def _general_authenticate(self, command: Command) -> Response:
        content = tlv.value(command.data, 0x7C)
        if self._pace is None:
            return self._prove(tlv.value(content, 0x80)) if self._proving else Response(_ORDER)
        answer = self._pace.step(dict(tlv.items(content)))
        if answer is None:
            self._pace = None
            return Response(_WRONG)
        if self._pace.channel is not None:
            self._next, self._pace, self._open = self._pace.channel, None, True
        return Response(_OK, tlv.encode(0x7C, answer))

    def _prove(self, theirs: bytes) -> Response:
        proof = self._made.proof
        if proof is None:
            return Response(_ORDER)
        self._proving = False
        group = standardised(proof.number)
        secret = group.secret(group.multiply(theirs, proof.private))
        self._next = SecureMessaging.agreed(proof.suite, secret)
        return Response(_OK, b"" if proof.suite is Suite.TDES else tlv.encode(0x7C, b""))


class _Pace:
    """The chip's side of one PACE."""

    def __init__(self, info: PaceInfo, group: Group, password: bytes) -> None:
        self._info = info
        self._group = group
        self._nonce = secrets.token_bytes(16)
        self._hidden = info.suite.encrypt(info.suite.derive(password, PASSWORD), self._nonce)
        self._generator = self._own = self._theirs = self._secret = b""
        self.channel: SecureMessaging | None = None

    def step(self, objects: Mapping[int, bytes]) -> bytes | None:
        """The answer to one step; None where the token is wrong. Raises GroupError, ValueError for another order."""
        group, suite = self._group, self._info.suite
        match next(iter(objects), None):
            case None:
                return tlv.encode(0x80, self._hidden)
            case 0x81:
                private = group.scalar()
                shared = group.multiply(objects[0x81], private)
                nonce = group.multiply(group.generator, int.from_bytes(self._nonce, "big"))
                self._generator = group.add(nonce, shared)
                return tlv.encode(0x82, group.multiply(group.generator, private))
            case 0x83:
                private = group.scalar()
                self._theirs = objects[0x83]
                self._own = group.multiply(self._generator, private)
                self._secret = group.secret(group.multiply(self._theirs, private))
                return tlv.encode(0x84, self._own)
            case 0x85 if self._secret:
                key = suite.derive(self._secret, AUTHENTICATION)
                if not same(objects[0x85], pace_token(suite, key, self._info, self._own)):
                    return None
                self.channel = SecureMessaging.agreed(suite, self._secret)
                return tlv.encode(0x86, pace_token(suite, key, self._info, self._theirs))
            case _:
                raise ValueError("a step out of order")
