from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

import pytest
from tests.agents.keypoints.clicking.opened import Opened, opened
from tests.rewards.keypoints.fixed.marked import marked_scene

from kibble.rewards.keypoints.fixed.document import as_document
from kibble.rewards.keypoints.fixed.file import read_file

DRAFT = as_document(marked_scene())


def token_of(open_page: Opened) -> str:
    return open_page.server.url.partition("token=")[2]


def ask(
    open_page: Opened, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", open_page.server.port, timeout=10)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers
    finally:
        connection.close()


def post(open_page: Opened, path: str, draft: object) -> dict[str, str]:
    token = token_of(open_page)
    status, text, _ = ask(open_page, "POST", path, json.dumps(draft), X_Kibble_Token=token)
    assert status == 200
    answer = json.loads(text)
    assert isinstance(answer, dict)
    return answer


def test_page_needs_the_token_and_says_little_to_others(tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml") as page:
        token = token_of(page)
        status, text, headers = ask(page, "GET", f"/?token={token}")
        assert status == 200
        assert "data:image/png;base64," in text
        assert "push </script>" not in text
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert text.count(f'nonce="{nonce}"') == 2
        assert headers["Cache-Control"] == "no-store"
        for path in ("/", "/?token=", "/?token=wrong", "/?token=%C3%A9"):
            status, text, _ = ask(page, "GET", path)
            assert status == 403
            assert token not in text
        assert ask(page, "GET", f"/other?token={token}")[0] == 404
        assert page.server.url.startswith("http://127.0.0.1:")


def test_a_rebound_name_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml") as page:
        token = token_of(page)
        evil = f"evil.example:{page.server.port}"
        assert ask(page, "GET", f"/?token={token}", Host=evil)[0] == 403
        body = json.dumps(DRAFT)
        assert ask(page, "POST", "/save", body, Host=evil, X_Kibble_Token=token)[0] == 403
        assert ask(page, "POST", "/save", body)[0] == 403
        assert not page.path.exists()
        near = f"localhost:{page.server.port}"
        assert ask(page, "GET", f"/?token={token}", Host=near)[0] == 200


def test_saving_writes_the_file_and_ends_the_server(tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml") as page:
        assert post(page, "/check", DRAFT) == {}
        assert not page.path.exists()
        assert post(page, "/save", DRAFT) == {"saved": str(page.path)}
    assert page.results == [str(page.path)]
    assert read_file(page.path) == marked_scene()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", page.server.port), timeout=5)


def test_what_is_wrong_is_said_and_nothing_saved(tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml") as page:
        outside = json.loads(json.dumps(DRAFT))
        outside["keypoints"]["grasp"]["front"] = [200.0, 10.0]
        one_spot = json.loads(json.dumps(DRAFT))
        one_spot["keypoints"]["target"] = one_spot["keypoints"]["function"]
        for path in ("/check", "/save"):
            assert "must lie inside view 'front'" in post(page, path, outside)["error"]
            assert "must lie apart" in post(page, path, one_spot)["error"]
            assert "must be a mapping" in post(page, path, [])["error"]
        assert not page.path.exists()
    assert page.results == [None]


def test_requests_that_are_no_drafts_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml") as page:
        token = token_of(page)
        assert ask(page, "POST", "/save", "{", X_Kibble_Token=token)[0] == 400
        assert ask(page, "POST", "/elsewhere", "{}", X_Kibble_Token=token)[0] == 404
        large = {"X_Kibble_Token": token, "Content_Length": "1000001"}
        assert ask(page, "POST", "/save", "", **large)[0] == 413
        assert ask(page, "PUT", "/save", "{}", X_Kibble_Token=token)[0] == 501
        assert post(page, "/check", DRAFT) == {}  # it still answers
