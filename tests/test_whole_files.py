"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import autograd_mini as ad
from autograd_mini.whole_files import check_place, write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o444, 0o755])
def test_a_file_keeps_its_permissions(tmp_path: Path, permissions: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(permissions)
    write_whole(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", permissions)


def test_what_was_secret_is_never_open_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []
    sync = os.fsync

    def watched(file: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(file).st_mode))
        sync(file)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(path, b"new")
    assert seen == [0o600]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_whole(tmp_path / "new", b"")
    assert mode(tmp_path / "new") == mode(usual)


def test_a_symbolic_link_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_whole(link, b"new")
    assert not link.is_symlink()
    assert (target.read_bytes(), link.read_bytes()) == (b"old", b"new")


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_the_old_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, trouble: BaseException
) -> None:
    def failing(*_: object) -> None:
        raise trouble

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, failing)
    with pytest.raises(type(trouble)) as caught:
        write_whole(path, b"new")
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"old"
    if isinstance(trouble, OSError):
        assert str(path) in str(caught.value)


def test_places_are_checked(tmp_path: Path) -> None:
    check_place(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="create it first"):
        check_place(tmp_path / "absent" / "file")
    with pytest.raises(IsADirectoryError, match="it is a directory"):
        check_place(tmp_path)


def test_packages_built_on_the_engine_find_them() -> None:
    assert (ad.write_whole, ad.check_place) == (write_whole, check_place)
