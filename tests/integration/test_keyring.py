import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runtime.core.errors import InvalidInputError
from runtime.process.settings import Settings
from runtime.vault.keyring import Keyring, find_keyring, open_keyring

NEW = "kek-v2:" + "A" * 43 + "="
OLD = "kek-v1:" + "B" * 42 + "A="


def opened(data_dir: Path, **given: Any) -> Keyring:
    return open_keyring(Settings.load(data_dir=data_dir, **given))


def ids(ring: Keyring) -> list[str]:
    return [key.key_id for key in ring.keys]


def test_key_is_made_once_and_readable_by_its_owner_only(data_dir: Path) -> None:
    first = opened(data_dir)
    assert opened(data_dir) == first
    assert stat.S_IMODE((data_dir / "secrets.key").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secrets.key"]


def test_keys_of_two_folders_differ_in_id_and_material(tmp_path: Path) -> None:
    one, two = (opened(tmp_path / name).current for name in ("a", "b"))
    assert one.key_id != two.key_id
    assert one.material != two.material


def test_servers_that_start_at_once_agree_on_the_key(data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: opened(data_dir), range(8)))
    assert all(key == keys[0] for key in keys)


def test_given_key_wins_and_nothing_is_written(data_dir: Path) -> None:
    ring = opened(data_dir, secrets_encryption_key=NEW, secrets_encryption_key_previous=OLD)
    assert ids(ring) == ["kek-v2", "kek-v1"]
    assert not data_dir.exists()


def test_who_only_looks_finds_what_is_there_and_makes_nothing(data_dir: Path) -> None:
    assert find_keyring(Settings.load(data_dir=data_dir)) is None
    with pytest.raises(InvalidInputError, match="no current key"):
        find_keyring(Settings.load(data_dir=data_dir, secrets_encryption_key_previous=OLD))
    assert not data_dir.exists()
    assert find_keyring(Settings.load(data_dir=data_dir, secrets_encryption_key=NEW)) == opened(
        data_dir, secrets_encryption_key=NEW
    )
    made = opened(data_dir)
    assert find_keyring(Settings.load(data_dir=data_dir)) == made


def test_keys_come_from_a_file_or_a_command(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n{OLD}\n", encoding="ascii")
    assert ids(opened(data_dir, secrets_encryption_key_file=file)) == ["kek-v2", "kek-v1"]
    command = f"{sys.executable} -c \"print('{NEW}')\""
    assert ids(opened(data_dir, secrets_encryption_key_command=command)) == ["kek-v2"]
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"secrets_encryption_key_file": "/nowhere"}, "No such file"),
        ({"secrets_encryption_key_command": "false"}, "it ended with 1"),
        ({"secrets_encryption_key_command": "/nowhere"}, "No such file"),
        ({"secrets_encryption_key_command": "true"}, "must be <key_id>"),
        ({"secrets_encryption_key_command": f"printf '{NEW}\\n{NEW}'"}, "two keys of the id"),
        ({"secrets_encryption_key_command": f"printf 'a\\nb\\n{NEW}'"}, "3 lines"),
        ({"secrets_encryption_key_command": f"echo {NEW}!"}, "must be <key_id>"),
        ({"secrets_encryption_key": NEW, "secrets_encryption_key_command": "true"}, "Only one of"),
    ],
)
def test_what_gives_no_key_is_refused_and_not_repeated(data_dir: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        opened(data_dir, **given)
    assert "A" * 20 not in caught.value.message
