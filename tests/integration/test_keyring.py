import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.vault.keyring import open_keyring


def test_key_is_made_once_and_readable_by_its_owner_only(data_dir: Path) -> None:
    first = open_keyring(None, None, data_dir)
    assert open_keyring(None, None, data_dir) == first
    assert stat.S_IMODE((data_dir / "secrets.key").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secrets.key"]


def test_keys_of_two_folders_differ_in_id_and_material(tmp_path: Path) -> None:
    one, two = (open_keyring(None, None, tmp_path / name).current for name in ("a", "b"))
    assert one.key_id != two.key_id
    assert one.material != two.material


def test_servers_that_start_at_once_agree_on_the_key(data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: open_keyring(None, None, data_dir), range(8)))
    assert all(key == keys[0] for key in keys)


def test_given_key_wins_and_nothing_is_written(data_dir: Path) -> None:
    given = "kek-v2:" + "A" * 43 + "="
    previous = "kek-v1:" + "B" * 42 + "A="
    ring = open_keyring(given, previous, data_dir)
    assert ring.previous is not None
    assert (ring.current.key_id, ring.previous.key_id) == ("kek-v2", "kek-v1")
    assert not data_dir.exists()
