import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.crypto import Keyring, SealError, new_key, sealed_under

OLD = new_key("old")
NEW = new_key("new")
RING = Keyring.parse(OLD)
PLACE = b'["vault_entry", 1, 1, 1, 1]'


@given(plaintext=st.binary(max_size=600), place=st.binary(max_size=60))
def test_what_was_sealed_for_a_place_opens_there(plaintext: bytes, place: bytes) -> None:
    sealed = RING.seal(plaintext, associated_data=place)

    assert RING.open(sealed, associated_data=place) == plaintext


@pytest.mark.requirement(93)
@given(data=st.data())
def test_any_changed_bit_anywhere_keeps_a_value_shut(data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(b"access-1", associated_data=PLACE))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(SealError):
        RING.open(bytes(sealed), associated_data=PLACE)


@pytest.mark.requirement(93)
@given(place=st.binary(max_size=60), other=st.binary(max_size=60))
def test_a_value_does_not_open_in_another_place(place: bytes, other: bytes) -> None:
    sealed = RING.seal(b"access-1", associated_data=place)

    if place != other:
        with pytest.raises(SealError) as caught:
            RING.open(sealed, associated_data=other)
        assert caught.value.code == "value_forged"


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_refused_and_never_crash(value: bytes) -> None:
    with pytest.raises(SealError):
        RING.open(value, associated_data=PLACE)


@given(st.integers(0, 45))
def test_a_cut_off_value_is_refused(length: int) -> None:
    sealed = RING.seal(b"", associated_data=PLACE)

    with pytest.raises(SealError):
        RING.open(sealed[: min(length, len(sealed) - 1)], associated_data=PLACE)


@pytest.mark.requirement(93)
def test_a_value_cannot_be_relabelled_to_another_key_with_the_same_bytes() -> None:
    key = OLD.partition(":")[2]
    ring = Keyring.parse(f"old:{key},twin:{key}")
    sealed = ring.seal(b"access-1", associated_data=PLACE)

    relabelled = bytes((1, 4)) + b"twin" + sealed[5:]

    assert sealed_under(relabelled) == "twin"
    with pytest.raises(SealError, match="does not belong"):
        ring.open(relabelled, associated_data=PLACE)


@pytest.mark.requirement(94)
def test_the_first_key_seals_and_every_key_of_the_ring_opens() -> None:
    before = RING.seal(b"access-1", associated_data=PLACE)
    both = Keyring.parse(f"{NEW},{OLD}")

    after = both.seal(b"access-2", associated_data=PLACE)

    assert (sealed_under(before), sealed_under(after)) == ("old", "new")
    assert both.open(before, associated_data=PLACE) == b"access-1"
    assert both.open(after, associated_data=PLACE) == b"access-2"


@pytest.mark.requirement(94)
def test_a_key_that_left_the_ring_is_named_in_the_error() -> None:
    sealed = RING.seal(b"access-1", associated_data=PLACE)

    with pytest.raises(SealError, match="'old'") as caught:
        Keyring.parse(NEW).open(sealed, associated_data=PLACE)

    assert caught.value.code == "key_unknown"


@pytest.mark.requirement(94)
def test_another_key_under_the_same_name_does_not_open() -> None:
    sealed = RING.seal(b"access-1", associated_data=PLACE)

    with pytest.raises(SealError) as caught:
        Keyring.parse(new_key("old")).open(sealed, associated_data=PLACE)

    assert caught.value.code == "value_forged"


@pytest.mark.requirement(96)
def test_the_same_plaintext_never_seals_to_the_same_bytes() -> None:
    sealed = [RING.seal(b"access-1", associated_data=PLACE) for _ in range(1000)]

    assert len(set(sealed)) == 1000
    assert len({value[5:17] for value in sealed}) == 1000, "nonces repeat"
    assert len({value[17:] for value in sealed}) == 1000


SHORT = base64.b64encode(bytes(16)).decode()
KEY = base64.b64encode(bytes(32)).decode()


@pytest.mark.requirement(94)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "key_missing", id="nothing"),
        pytest.param(" , ", "key_missing", id="only commas"),
        pytest.param(KEY, "key_malformed", id="no id"),
        pytest.param(f":{KEY}", "key_malformed", id="empty id"),
        pytest.param(f"1st:{KEY}", "key_malformed", id="id starts with a digit"),
        pytest.param(f"clé:{KEY}", "key_malformed", id="id outside ASCII"),
        pytest.param(f"{'k' * 33}:{KEY}", "key_malformed", id="id too long"),
        pytest.param(f"k:{SHORT}", "key_malformed", id="128 bit"),
        pytest.param(f"k:{KEY[:-5]}*****", "key_malformed", id="not base64"),
        pytest.param(f"k:{KEY[:5]}!{KEY[5:]}", "key_malformed", id="a character astray"),
        pytest.param(f"k:{KEY},k:{KEY}", "key_malformed", id="an id twice"),
    ],
)
def test_a_wrong_key_ring_is_refused_without_telling_the_key(text: str, code: str) -> None:
    with pytest.raises(SealError) as caught:
        Keyring.parse(text)

    assert caught.value.code == code
    assert KEY[:12] not in str(caught.value)


@pytest.mark.requirement(98)
def test_a_key_ring_does_not_show_its_keys() -> None:
    key = OLD.partition(":")[2]

    for shown in (repr(RING), str(RING)):
        assert key not in shown
        assert base64.b64decode(key).hex() not in shown
