"""What a gateway sends that is no receipt is an error with a reason, whatever its bytes are."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.wire import check_receipt


@given(st.binary(max_size=200))
@example(b'{"tcn": "\xff"}')  # Text that is no UTF-8 is told by another error than all else.
@example(b"[]")
def test_what_is_no_receipt_is_told(raw: bytes) -> None:
    with pytest.raises(RelayError) as caught:
        check_receipt(raw, "TCN-1", b"payload")
    assert caught.value.reason is Reason.LINK_PROTOCOL
