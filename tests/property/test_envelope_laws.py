"""What is sealed opens where it was sealed, with its key, unchanged, and in no other case."""

import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.core.errors import SecretUnreadableError
from runtime.ports.vault import Place
from runtime.vault.envelope import reseal, seal, unseal
from runtime.vault.keyring import Key, Keyring

VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PARTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLACES = st.builds(Place, PARTS, PARTS, PARTS, PARTS)
KEYS = st.builds(Key, st.text("abc-1", min_size=1, max_size=5), st.binary(min_size=32, max_size=32))
BYTES = ("dek_wrapped", "nonce", "ciphertext")


@given(KEYS, PLACES, VALUES)
def test_what_is_sealed_opens_in_its_place(key: Key, place: Place, value: str) -> None:
    assert unseal(Keyring(key), place, seal(Keyring(key), place, value).envelope) == value


@given(KEYS, PLACES, VALUES)
def test_an_envelope_has_the_form_that_others_read(key: Key, place: Place, value: str) -> None:
    made = json.loads(seal(Keyring(key), place, value).envelope)
    assert list(made) == ["version", "alg", "key_id", "dek_wrapped", "nonce", "ciphertext"]
    assert (made["version"], made["alg"], made["key_id"]) == (1, "AES-256-GCM", key.key_id)
    sizes = [len(b64decode(made[name], validate=True)) for name in BYTES]
    assert sizes == [12 + 32 + 16, 12, len(value.encode()) + 16]


@given(KEYS, PLACES, PLACES, VALUES)
def test_what_was_moved_does_not_open(key: Key, place: Place, other: Place, value: str) -> None:
    sealed = seal(Keyring(key), place, value).envelope
    if place != other:
        with pytest.raises(SecretUnreadableError, match="changed or moved"):
            unseal(Keyring(key), other, sealed)


@given(KEYS, PLACES, VALUES, st.sampled_from(BYTES), st.data())
def test_a_flipped_bit_is_seen(key: Key, place: Place, value: str, name: str, data: st.DataObject) -> None:
    envelope = json.loads(seal(Keyring(key), place, value).envelope)
    raw = bytearray(b64decode(envelope[name]))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SecretUnreadableError, match="changed or moved"):
        unseal(Keyring(key), place, json.dumps({**envelope, name: b64encode(raw).decode()}))


@given(KEYS, st.binary(min_size=32, max_size=32), PLACES, VALUES)
def test_another_key_of_the_same_name_does_not_open(key: Key, material: bytes, place: Place, value: str) -> None:
    sealed = seal(Keyring(key), place, value).envelope
    if material != key.material:
        with pytest.raises(SecretUnreadableError, match="another one of that name"):
            unseal(Keyring(Key(key.key_id, material)), place, sealed)


@given(KEYS, KEYS, PLACES, VALUES)
def test_a_key_that_is_not_there_is_named(key: Key, other: Key, place: Place, value: str) -> None:
    sealed = seal(Keyring(key), place, value).envelope
    if key.key_id != other.key_id:
        with pytest.raises(SecretUnreadableError) as caught:
            unseal(Keyring(other), place, sealed)
        assert repr(key.key_id) in str(caught.value)


@given(KEYS, KEYS, PLACES, VALUES)
def test_resealed_values_need_the_new_key_only(old: Key, new: Key, place: Place, value: str) -> None:
    if old.key_id != new.key_id:
        sealed = reseal(Keyring(new, old), place, seal(Keyring(old), place, value).envelope)
        assert unseal(Keyring(new), place, sealed) == value


@given(KEYS, PLACES, st.text(max_size=300))
def test_what_is_no_envelope_is_refused(key: Key, place: Place, text: str) -> None:
    with pytest.raises(SecretUnreadableError):
        unseal(Keyring(key), place, text)


@given(KEYS, PLACES, PLACES, VALUES, VALUES)
def test_a_fingerprint_tells_equal_values_of_an_organisation(
    key: Key, place: Place, elsewhere: Place, value: str, other: str
) -> None:
    ring, shown = Keyring(key), seal(Keyring(key), place, value).fingerprint
    assert shown == seal(ring, place, value).fingerprint
    assert (shown == seal(ring, place, other).fingerprint) == (value == other)
    if place.org_id != elsewhere.org_id:
        assert shown != seal(ring, elsewhere, value).fingerprint
