import base64

import pytest

from runtime.core.errors import InvalidInputError
from runtime.vault.keyring import parse_key

GOOD = base64.b64encode(bytes(range(32))).decode()


def test_key_is_read_from_its_id_and_base64() -> None:
    key = parse_key(f"kek-v1:{GOOD}\n", "KEY")
    assert (key.key_id, key.material) == ("kek-v1", bytes(range(32)))


def test_key_never_shows_its_material() -> None:
    assert repr(parse_key(f"kek-v1:{GOOD}", "KEY")) == "Key(key_id='kek-v1')"


@pytest.mark.parametrize("text", ["", GOOD, f":{GOOD}", "k:", "k:c2hvcnQ=", f"k:{GOOD}AAAA", f"k:*{GOOD[1:]}"])
def test_malformed_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_key(text, "SECRETS_ENCRYPTION_KEY")
    assert caught.value.message.startswith("SECRETS_ENCRYPTION_KEY must be ")
    assert not text or text not in caught.value.message
