import base64
import secrets

import httpx
import pytest
from everruns_sdk import models as sdk


@pytest.fixture
async def fs(client: httpx.AsyncClient) -> str:
    """The address of the files of a new workspace."""
    made = await client.post("/v1/workspaces", json={"name": secrets.token_hex(6)})
    return f"/v1/workspaces/{made.json()['id']}/fs"


async def test_file_lifecycle(client: httpx.AsyncClient, fs: str) -> None:
    made = await client.post(f"{fs}/workspace/dir/a.txt", json={"content": "one"})
    assert made.status_code == 201
    assert sdk.SessionFile(**made.json()).path == "/dir/a.txt"
    assert (await client.post(f"{fs}/dir/a.txt", json={"content": ""})).status_code == 409
    changed = await client.put(f"{fs}/dir/a.txt", json={"content": "two"})
    assert (changed.status_code, changed.json()["content"]) == (200, "two")
    assert (await client.get(f"{fs}/dir/a.txt")).json()["content"] == "two"
    assert (await client.delete(f"{fs}/dir/a.txt")).json() == {"deleted": True}
    assert (await client.delete(f"{fs}/dir/a.txt")).json() == {"deleted": False}
    assert (await client.put(f"{fs}/dir/a.txt", json={"content": "x"})).json()["code"] == "file_not_found"


async def test_directories_are_listed(client: httpx.AsyncClient, fs: str) -> None:
    await client.post(f"{fs}/d", json={"is_directory": True})
    await client.post(f"{fs}/d/e/f.txt", json={"content": "x"})
    for address, paths in ((fs, ["/d"]), (f"{fs}/d", ["/d/e"]), (f"{fs}?recursive=true", ["/d", "/d/e", "/d/e/f.txt"])):
        body = (await client.get(address)).json()
        assert [sdk.FileInfo(**entry).path for entry in body["data"]] == paths


async def test_bytes_come_back_as_they_were(client: httpx.AsyncClient, fs: str) -> None:
    content = b"\x00\xff\x01"
    encoded = base64.b64encode(content).decode()
    await client.post(f"{fs}/b.bin", json={"content": encoded, "encoding": "base64"})
    body = (await client.get(f"{fs}/b.bin")).json()
    assert (body["encoding"], body["content"], body["size_bytes"]) == ("base64", encoded, 3)
    raw = await client.get(f"{fs}/b.bin", headers={"Accept": "application/octet-stream"})
    assert (raw.content, raw.headers["x-content-type-options"]) == (content, "nosniff")
    saved = await client.get(f"{fs}/_/download/b.bin")
    assert saved.content == content
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''b.bin"


async def test_actions(client: httpx.AsyncClient, fs: str) -> None:
    await client.post(f"{fs}/a.txt", json={"content": "needle\nhay"})
    moved = await client.post(f"{fs}/_/move", json={"src_path": "/a.txt", "dst_path": "/b.txt"})
    assert (moved.status_code, moved.json()["path"]) == (200, "/b.txt")
    copied = await client.post(f"{fs}/_/copy", json={"src_path": "b.txt", "dst_path": "c/d.txt"})
    assert (copied.status_code, copied.json()["path"]) == (201, "/c/d.txt")
    stat = await client.post(f"{fs}/_/stat", json={"path": "/b.txt"})
    assert sdk.FileStat(**stat.json()).size_bytes == 10
    found = await client.post(f"{fs}/_/grep", json={"pattern": "ne+dle", "path_pattern": "c/"})
    match = {"path": "/c/d.txt", "line_number": 1, "line": "needle"}
    assert found.json() == {"data": [{"path": "/c/d.txt", "matches": [match]}]}


@pytest.mark.parametrize("path", ["%2e%2e/a", "a//b", "_x", "a%00", "a%0a"])
async def test_bad_paths_are_refused(client: httpx.AsyncClient, fs: str, path: str) -> None:
    reply = await client.post(f"{fs}/{path}", json={"content": ""})
    assert reply.status_code == 400


async def test_read_only_file_is_kept(client: httpx.AsyncClient, fs: str) -> None:
    await client.post(f"{fs}/a", json={"content": "x", "is_readonly": True})
    assert (await client.put(f"{fs}/a", json={"content": "y"})).status_code == 403
    assert (await client.delete(f"{fs}/a")).status_code == 403


async def test_session_address_shows_the_same_files(client: httpx.AsyncClient) -> None:
    session = (await client.post("/v1/sessions", json={"initial_files": [{"path": "a", "content": "x"}]})).json()
    by_session = (await client.get(f"/v1/sessions/{session['id']}/fs/a")).json()
    by_workspace = (await client.get(f"/v1/workspaces/{session['workspace_id']}/fs/a")).json()
    assert (by_session["session_id"], by_workspace["session_id"]) == (session["id"], session["workspace_id"])
    assert {**by_session, "session_id": ""} == {**by_workspace, "session_id": ""}


async def test_workspace_lifecycle(client: httpx.AsyncClient) -> None:
    name = secrets.token_hex(6)
    made = (await client.post("/v1/workspaces", json={"name": name})).json()
    url = f"/v1/workspaces/{made['id']}"
    assert sdk.Workspace(**made).name == name
    assert (await client.post("/v1/workspaces", json={"name": name})).json()["code"] == "workspace_exists"
    assert (await client.patch(url, json={"description": "d"})).json()["description"] == "d"
    await client.post(f"{url}/fs/a", json={"content": "kept"})
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(f"{url}/fs/a")).json()["content"] == "kept"
    assert (await client.post(f"{url}/fs/b", json={"content": ""})).status_code == 403
    listed = (await client.get("/v1/workspaces", params={"search": name, "include_archived": "true"})).json()
    assert [w["status"] for w in listed["data"]] == ["archived"]
    assert (await client.get("/v1/workspaces", params={"search": name})).json()["data"] == []
