# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving real checkouts with real git, from every kind of repository and out of every state."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import ref, source
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.tests.support import git as real


@dataclass
class Host:
    """A host with a home, a state directory and (perhaps) a checkout."""

    folder: Path
    upstream: real.Repository
    first: str
    second: str

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def environ(self) -> t.Dict[str, str]:
        return real.environ(self.folder / "home")

    def clone(self, *options: str) -> None:
        real.git(
            self.folder, "clone", "-q", *options, f"file://{self.upstream.bare}", str(self.project)
        )
        real.git(self.project, "reset", "-q", "--hard", self.first, check=False)

    def plan(self, sha: str, *, repository: t.Optional[str] = None) -> source.SourcePlan:
        return source.plan(
            project=self.project,
            repository=repository or f"file://{self.upstream.bare}",
            sha=sha,
            state_dir=self.state,
            environ=self.environ,
        )

    def move(self, sha: str, *, repository: t.Optional[str] = None) -> source.SourceResult:
        plan = self.plan(sha, repository=repository)
        return source.apply(plan, repository=repository, environ=self.environ)

    def read(self, name: str) -> str:
        return (self.project / name).read_text()

    def head(self) -> str:
        return real.git(self.project, "rev-parse", "HEAD").strip()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    upstream = real.Repository.make(tmp_path / "upstream")
    first = upstream.commit({"app/core.py": "V = 1\n", "old.txt": "old\n"})
    second = upstream.commit({"app/core.py": "V = 2\n", "old.txt": None, "app/new.py": "N = 1\n"})
    (tmp_path / "host").mkdir()
    return Host(tmp_path / "host", upstream, first, second)


def later(host: Host) -> str:
    """A commit that is pushed after the host cloned."""
    return host.upstream.commit({"app/core.py": "V = 3\n"})


def test_moves_forward_and_back_and_then_has_nothing_to_do(host: Host) -> None:
    host.clone()
    third = later(host)

    moved = host.move(third)
    again = host.move(third)
    back = host.move(host.first)

    assert (moved.changed, moved.before_sha, moved.after_sha) == (True, host.first, third)
    assert "A app/new.py" in moved.files
    assert (again.changed, again.actions) == (False, ())
    assert back.changed
    assert "which does not contain it" in back.actions[-1]
    assert "which does not contain it" not in moved.actions[-1]
    assert (host.head(), host.read("old.txt")) == (host.first, "old\n")
    assert not (host.project / "app" / "new.py").exists()


def test_a_missing_checkout_is_made_with_a_detached_head(host: Host) -> None:
    result = host.move(host.second)

    assert (result.changed, result.before_sha) == (True, None)
    assert (host.head(), host.read("app/core.py")) == (host.second, "V = 2\n")
    assert real.git(host.project, "status", "--porcelain") == ""
    assert real.git(host.project, "branch", "--show-current") == ""
    assert not host.move(host.second).changed


def test_a_filled_directory_becomes_a_checkout_and_keeps_what_it_had(host: Host) -> None:
    (host.project / "app").mkdir(parents=True)
    (host.project / "app" / "core.py").write_text("V = 2\n")
    (host.project / "data.csv").write_text("1\n")

    result = host.move(host.second)

    assert (host.head(), host.read("data.csv")) == (host.second, "1\n")
    assert result.untracked == ("data.csv",)


def test_a_file_in_the_way_of_a_new_checkout_is_refused_by_name(host: Host) -> None:
    (host.project / "app").mkdir(parents=True)
    (host.project / "app" / "core.py").write_text("mine\n")

    with pytest.raises(Refused, match=r'"app/core\.py"'):
        host.move(host.second)

    assert host.read("app/core.py") == "mine\n"


def test_uncommitted_changes_are_a_patch_that_applies(host: Host) -> None:
    host.clone()
    (host.project / "app" / "core.py").write_text("V = 99\n")
    (host.project / "picture.bin").write_bytes(bytes(range(256)))
    real.git(host.project, "add", "picture.bin")

    result = host.move(host.second)

    assert result.patch is not None
    patch = Path(result.patch)
    assert patch.parent == host.state / "patches"
    assert patch.stat().st_mode & 0o077 == 0
    assert host.read("app/core.py") == "V = 2\n"
    real.git(host.project, "checkout", "-q", host.first)
    real.git(host.project, "apply", "--index", str(patch))
    assert host.read("app/core.py") == "V = 99\n"
    assert (host.project / "picture.bin").read_bytes() == bytes(range(256))


def test_what_was_staged_and_edited_again_is_saved_twice(host: Host) -> None:
    host.clone()
    (host.project / "app" / "core.py").write_text("V = 'staged'\n")
    real.git(host.project, "add", "app/core.py")
    (host.project / "app" / "core.py").write_text("V = 'edited'\n")

    result = host.move(host.first)

    assert result.patch is not None
    assert "+V = 'edited'" in Path(result.patch).read_text()
    staged = Path(result.patch.replace(".patch", ".staged.patch"))
    assert "+V = 'staged'" in staged.read_text()
    assert host.read("app/core.py") == "V = 1\n"


def test_two_saves_in_one_second_both_stay(host: Host) -> None:
    host.clone()
    found = set()
    for text in ("one", "two"):
        (host.project / "app" / "core.py").write_text(text)
        found.add(host.move(host.first).patch)
    assert len(found) == 2
    assert len(list((host.state / "patches").iterdir())) == 2


def test_untracked_files_stay_and_are_named(host: Host) -> None:
    host.clone()
    (host.project / "notes.txt").write_text("mine\n")

    result = host.move(host.second)

    assert result.untracked == ("notes.txt",)
    assert host.read("notes.txt") == "mine\n"


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("place", ["app/new.py", "app/new.py/inner.txt"])
def test_an_untracked_file_that_the_commit_brings_is_refused(
    host: Host, place: str, ignored: bool
) -> None:
    host.clone()
    path = host.project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    if ignored:
        (host.project / ".git" / "info" / "exclude").write_text("new.py\n")

    with pytest.raises(Refused, match="exist nowhere else") as caught:
        host.move(host.second)

    assert caught.value.details["untracked_in_the_way"] == [place]
    assert (host.head(), path.read_text()) == (host.first, "mine\n")


def test_an_untracked_file_where_the_commit_needs_a_folder_is_refused(host: Host) -> None:
    host.clone()
    third = host.upstream.commit({"pkg/deep/x.py": "1\n"})
    (host.project / "pkg").write_text("mine\n")

    with pytest.raises(Refused, match='"pkg"'):
        host.move(third)

    assert host.read("pkg") == "mine\n"


def test_an_untracked_file_with_the_same_content_is_no_loss(host: Host) -> None:
    host.clone()
    (host.project / "app" / "new.py").write_text("N = 1\n")
    assert host.move(host.second).changed
    assert host.head() == host.second


def test_an_unfinished_merge_is_saved_and_ended(host: Host) -> None:
    host.clone()
    real.git(host.project, "checkout", "-q", "-b", "side", host.first)
    (host.project / "app" / "core.py").write_text("V = 'side'\n")
    real.git(host.project, "commit", "-q", "-a", "-m", "side")
    real.git(host.project, "merge", host.second, check=False)
    assert (host.project / ".git" / "MERGE_HEAD").exists()

    result = host.move(host.second)

    assert any("unfinished merge" in sentence for sentence in result.actions)
    assert result.patch is not None
    assert "V = 'side'" in Path(result.patch).read_text()
    assert not (host.project / ".git" / "MERGE_HEAD").exists()
    assert host.head() == host.second


def test_an_unfinished_rebase_is_left_to_its_owner(host: Host) -> None:
    host.clone()
    real.git(host.project, "checkout", "-q", "-b", "side", host.first)
    (host.project / "app" / "core.py").write_text("V = 'side'\n")
    real.git(host.project, "commit", "-q", "-a", "-m", "side")
    real.git(host.project, "rebase", host.second, check=False)

    with pytest.raises(Refused, match="middle of a rebase"):
        host.move(host.second)


def test_a_leftover_lock_is_named(host: Host) -> None:
    host.clone()
    (host.project / ".git" / "index.lock").touch()
    with pytest.raises(FleetError, match=r"index\.lock"):
        host.move(host.second)
    assert host.head() == host.first


def test_a_shallow_clone_stays_shallow(host: Host) -> None:
    host.clone("--depth=1")
    third = later(host)

    assert host.move(third).after_sha == third

    assert real.git(host.project, "rev-parse", "--is-shallow-repository").strip() == "true"
    assert host.read("app/core.py") == "V = 3\n"


def test_a_partial_clone_stays_partial(host: Host) -> None:
    host.upstream.git("-C", str(host.upstream.bare), "config", "uploadpack.allowFilter", "true")
    host.upstream.git(
        *("-C", str(host.upstream.bare), "config", "uploadpack.allowAnySHA1InWant", "true")
    )
    host.clone("--filter=blob:none")
    later(host)
    last = host.upstream.commit({"app/core.py": "V = 4\n"})

    assert host.move(last).after_sha == last
    back = host.move(host.second)

    assert back.after_sha == host.second
    missing = real.git(host.project, "rev-list", "--objects", "--missing=print", last)
    assert "?" in missing, "everything was fetched: no partial clone any more"


@pytest.mark.parametrize("server", ["daemon", "old daemon", "smart http", "dumb http"])
def test_every_kind_of_server_gives_a_commit_that_no_branch_points_at(
    host: Host, server: str
) -> None:
    bare = host.upstream.bare
    host.upstream.git("-C", str(bare), "update-server-info")
    if server == "old daemon":
        host.folder.joinpath("home").mkdir()
        host.folder.joinpath("home", ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    serve = {
        "daemon": lambda: real.daemon(bare.parent),
        "old daemon": lambda: real.daemon(bare.parent),
        "smart http": lambda: real.http_server(bare.parent),
        "dumb http": lambda: real.http_server(bare.parent, smart=False),
    }[server]
    with serve() as url:
        result = host.move(host.first, repository=f"{url}/up.git")
        assert (result.after_sha, host.head()) == (host.first, host.first)
        with pytest.raises(FleetError, match="does not have the commit"):
            host.move("0123456789" * 4, repository=f"{url}/up.git")
    assert host.head() == host.first


def test_another_remote_is_said_and_never_rewritten(host: Host, tmp_path: Path) -> None:
    other = real.Repository.make(tmp_path / "other")
    wanted = other.commit({"app/core.py": "V = 'other'\n"})
    host.clone()

    result = host.move(wanted, repository=str(other.bare))

    assert host.head() == wanted
    assert any('Remote "origin"' in note for note in result.notes)
    configured = real.git(host.project, "config", "remote.origin.url").strip()
    assert configured == f"file://{host.upstream.bare}"


def test_a_credential_is_used_but_stored_and_shown_nowhere(host: Host) -> None:
    base = host.upstream.bare.parent
    with real.http_server(base, user="deploy:s3cret-token") as url:
        address = url.replace("http://", "http://deploy:s3cret-token@") + "/up.git"
        found = ref.resolve(repository=address, ref="main", environ=host.environ)
        plan = host.plan(found.sha, repository=address)
        result = source.apply(plan, repository=address, environ=host.environ)
        wrong = address.replace("s3cret", "wr0ng")
        with pytest.raises(FleetError) as caught:
            host.move("0" * 40, repository=wrong)

    assert host.head() == host.second
    assert caught.value.hazard == "G-7"
    for text in (repr(plan), repr(result), caught.value.message):
        assert "s3cret" not in text
        assert "wr0ng" not in text
    for path in host.project.rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path


def test_no_hook_is_run(host: Host) -> None:
    host.clone()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        hook = host.project / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {host.folder}/hook-ran\n")
        hook.chmod(0o755)
    host.move(host.second)
    assert not (host.folder / "hook-ran").exists()


def test_submodules_and_lfs_pointers_are_reported(host: Host, tmp_path: Path) -> None:
    other = real.Repository.make(tmp_path / "module")
    other.commit({"x": "1\n"})
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    host.upstream.git(
        *("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.bare), "vendor")
    )
    third = host.upstream.commit({".gitattributes": "*.bin filter=lfs\n", "model.bin": pointer})

    result = host.move(third)

    assert (result.submodules, result.lfs) == (("vendor",), ("model.bin",))
    again = host.move(third)
    assert (again.changed, again.submodules, again.lfs) == (False, ("vendor",), ("model.bin",))


def test_strange_file_names_survive_the_report(host: Host) -> None:
    host.clone()
    third = host.upstream.commit({"sp ace/ä\n.txt": "1\n"})
    odd = os.fsencode(str(host.project)) + b"/\xff.txt"
    Path(os.fsdecode(odd)).write_text("x")

    result = host.move(third)

    assert result.untracked == ("\\xff.txt",)
    assert "A sp ace/ä\n.txt" in result.files


def test_a_branch_is_moved_and_a_lost_update_elsewhere_is_found(host: Host) -> None:
    host.clone()
    result = host.move(host.second)
    assert real.git(host.project, "branch", "--show-current").strip() == "main"
    assert any('branch "main"' in sentence for sentence in result.actions)


@pytest.mark.parametrize(
    ("project", "words"),
    [("relative/path", "is relative"), ("FILE", "is a file"), ("BARE", "bare repository")],
)
def test_a_wrong_project_is_one_sentence(host: Host, project: str, words: str) -> None:
    (host.folder / "file").touch()
    places = {"FILE": str(host.folder / "file"), "BARE": str(host.upstream.bare)}
    with pytest.raises(FleetError, match=words):
        source.plan(
            project=places.get(project, project),
            repository=str(host.upstream.bare),
            sha=host.first,
            state_dir=host.state,
            environ=host.environ,
        )


def test_a_folder_inside_another_checkout_is_not_mistaken_for_it(host: Host) -> None:
    host.clone()
    inner = host.project / "inner"
    inner.mkdir()
    plan = source.plan(
        project=inner,
        repository=str(host.upstream.bare),
        sha=host.second,
        state_dir=host.state,
        environ=host.environ,
    )
    source.apply(plan, environ=host.environ)
    assert (host.head(), (inner / "app" / "core.py").read_text()) == (host.first, "V = 2\n")


def test_the_id_of_a_tag_is_not_taken_for_a_commit(host: Host) -> None:
    host.upstream.git("tag", "-a", "v1", "-m", "one")
    host.upstream.git("push", "-q", "origin", "v1")
    tag = host.upstream.git("rev-parse", "v1").strip()
    with pytest.raises(FleetError, match=f"is a tag.*{host.second}"):
        host.move(tag)


def test_a_branch_name_is_no_sha(host: Host) -> None:
    with pytest.raises(FleetError, match="no full commit id"):
        host.move("main")


def test_planning_changes_nothing_in_any_kind_of_checkout(host: Host) -> None:
    host.upstream.git("-C", str(host.upstream.bare), "config", "uploadpack.allowFilter", "true")
    host.clone("--filter=blob:none")
    third = later(host)
    # Touched but equal: the usual reason for which git rewrites its index while looking.
    os.utime(host.project / "app" / "core.py", ns=(1, 1))
    (host.project / "stray.txt").write_text("x")
    assert host.environ["HOME"]
    before = real.fingerprint(host.folder)

    for sha in (host.first, host.second, third):
        host.plan(sha)

    assert real.fingerprint(host.folder) == before
    unknown = host.plan(third).unknown
    assert "not known before the fetch" in unknown[0]


def test_the_lease_is_asked_before_the_fetch_and_before_the_move(host: Host) -> None:
    import contextlib

    host.clone()
    asked: t.List[str] = []

    @contextlib.contextmanager
    def guard() -> t.Iterator[None]:
        asked.append(host.head())
        if len(asked) == 2:
            raise FleetError("the lease is gone")
        yield

    plan = host.plan(later(host))
    with pytest.raises(FleetError, match="the lease is gone"):
        source.apply(plan, guard=guard, environ=host.environ)

    assert asked == [host.first, host.first]
    assert host.head() == host.first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of somebody else")
def test_a_checkout_of_another_account_is_read_without_global_configuration(host: Host) -> None:
    host.clone()
    for path in (host.project, *host.project.rglob("*")):
        os.chown(path, 12345, 12345)
    with pytest.raises(AssertionError, match="dubious"):
        real.git(host.project, "status")

    assert host.move(host.second).after_sha == host.second

    assert not (host.folder / "home" / ".gitconfig").exists()


def test_refs_are_resolved_once(host: Host) -> None:
    host.upstream.git("tag", "-a", "v1", "-m", "one", host.first)
    host.upstream.git("tag", "light", host.first)
    host.upstream.git("push", "-q", "origin", "--tags")
    expected = {
        "main": (host.second, "branch"),
        "HEAD": (host.second, "head"),
        "refs/heads/main": (host.second, "branch"),
        "v1": (host.first, "tag"),
        "light": (host.first, "tag"),
        host.first: (host.first, "sha"),
    }
    for name, answer in expected.items():
        found = ref.resolve(repository=str(host.upstream.bare), ref=name, environ=host.environ)
        assert (found.sha, found.kind) == answer, name
    with pytest.raises(FleetError, match=r'no branch or tag "gone".*main'):
        ref.resolve(repository=str(host.upstream.bare), ref="gone", environ=host.environ)
