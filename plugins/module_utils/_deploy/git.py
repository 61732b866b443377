# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""git as a deploy needs it: asks nobody, runs no hook, reads without writing, shows no secret."""

from __future__ import annotations

import functools
import os
import re
import shlex
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._errors import FleetError
from .command import Completed, find_program, inherited, last_words, run
from .userinfo import Credential, redact

READ_SECONDS = 120.0
FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# A caller inside some other repository (a hook, a CI step) must not redirect us there.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
_QUIET = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    # Housekeeping may run, but never outlive the call.
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("credential.interactive", "false"),
    # An object that a loss of power left empty stops every git after it (git 2.36 and later).
    ("core.fsync", "all"),
    ("advice.detachedHead", "false"),
)
# The helper's text is the same for everybody: the secret itself stays in the environment.
_HELPER = (
    '!f() { test "$1" = get || exit 0; '
    'printf "username=%s\\npassword=%s\\n" "$FLEET_JOBS_GIT_USER" "$FLEET_JOBS_GIT_PASSWORD"; }; f'
)
_NO_ACCESS = (
    r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed"
    r"|Permission denied \(|Host key verification failed|Invalid username or"
    r"|The requested URL returned error: 40[13]|HTTP Basic: Access denied"
)
# A partial clone fetches whatever a question touches; no transport allowed means it cannot.
_OFFLINE = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
_FOREIGN_OWNER = "dubious ownership"


def _no_secrets() -> t.Tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Git:
    """git in one directory. ``read`` can neither write nor reach the network; ``write`` can."""

    directory: Path
    program: str
    environ: t.Mapping[str, str] = field(repr=False)
    secrets: t.Tuple[str, ...] = field(repr=False, default_factory=_no_secrets)

    @classmethod
    def find(
        cls,
        directory: Path,
        *,
        environ: t.Optional[t.Mapping[str, str]] = None,
        credential: t.Optional[Credential] = None,
    ) -> Git:
        """git of this account for exactly ``directory``."""
        base = inherited(environ)
        program = find_program("git", environ=base)
        if program is None:
            raise FleetError(
                "git is not installed here (looked on PATH and below the home). Install it with "
                "the system's package manager."
            )
        values = _environment(base, directory=directory, credential=credential)
        secrets = (credential.password or credential.username,) if credential else ()
        return cls(directory=directory, program=program, environ=values, secrets=secrets)

    def read(self, *arguments: str, ok: t.Sequence[int] = (0,), stdin: bytes = b"") -> Completed:
        """Ask something of the objects and files that are here; changes not one byte."""
        return self._run(arguments, ok=ok, offline=True, timeout=READ_SECONDS, stdin=stdin)

    def save(self, *arguments: str, to: t.IO[bytes]) -> None:
        """Like ``read``, with the answer, which may be large, going to a file."""
        self._run(arguments, ok=(0,), offline=True, timeout=READ_SECONDS, stdout=to)

    def write(self, *arguments: str, timeout: float, ok: t.Sequence[int] = (0,)) -> Completed:
        """Run a command that may change the repository or talk to a server."""
        return self._run(arguments, ok=ok, offline=False, timeout=timeout)

    def _run(
        self,
        arguments: t.Sequence[str],
        *,
        ok: t.Sequence[int],
        offline: bool,
        timeout: float,
        stdin: bytes = b"",
        stdout: t.Optional[t.IO[bytes]] = None,
    ) -> Completed:
        environ = {**self.environ, **(_OFFLINE if offline else self._ssh)}
        done = run(
            [self.program, *arguments],
            cwd=self.directory,
            environ=environ,
            timeout=timeout,
            stdin=stdin,
            stdout=stdout,
        )
        if done.rc not in ok:
            raise self.error(arguments, done)
        return done

    @functools.cached_property
    def settings(self) -> t.Mapping[str, t.Sequence[str]]:
        """Addresses of remotes and the ssh command as they are configured: one question for all."""
        wanted = r"^(core\.sshcommand|remote\..*\.url)$"
        found: t.Dict[str, t.List[str]] = {}
        done = self.read("config", "-z", "--get-regexp", wanted, ok=(0, 1, 128))
        for entry in done.text.split("\0"):
            name, _dummy, value = entry.partition("\n")
            found.setdefault(name, []).append(value)
        return found

    @functools.cached_property
    def _ssh(self) -> t.Dict[str, str]:
        """The account's own ssh command, with prompts switched off."""
        command = self.environ.get("GIT_SSH_COMMAND")
        if command is None and "GIT_SSH" in self.environ:
            command = shlex.quote(self.environ["GIT_SSH"])
        if command is None:
            command = self.settings.get("core.sshcommand", ("",))[-1].strip() or "ssh"
        return {"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes -o ConnectTimeout=20"}

    def error(self, arguments: t.Sequence[str], done: Completed) -> FleetError:
        """What git said, without secrets, and what to do about the two usual reasons."""
        words = redact(last_words(done.stderr), self.secrets)
        what = f'"git {arguments[0]}" in "{self.directory}" failed (exit code {done.rc}): {words}'
        if re.search(_NO_ACCESS, done.stderr, re.IGNORECASE):
            return FleetError(
                f"{what} Nobody is there to answer a prompt, so give this host access beforehand: "
                "a deploy key for ssh, or an https URL with a token from a credential helper or "
                "~/.netrc.",
                hazard="G-7",
            )
        if _FOREIGN_OWNER in done.stderr:
            return FleetError(
                f"{what} Run this as the account that owns the directory (become_user)."
            )
        return FleetError(what)


def check_sha(sha: str) -> str:
    """A full commit id; anything shorter could mean another commit tomorrow."""
    if not FULL_SHA.match(sha):
        raise FleetError(
            f'"{sha}" is no full commit id (40 hexadecimal digits). Resolve a branch or tag once '
            "with deploy_source and state=resolved, and give every host its sha."
        )
    return sha


def check_repository(repository: str) -> str:
    """A URL, an scp-like address or an absolute path; never an option in disguise."""
    expanded = os.path.expanduser(repository) if repository.startswith("~") else repository
    looks_remote = re.match(r"^[a-z][a-z0-9+.-]*://.|^[^/:\s-][^/:\s]*:.", expanded, re.IGNORECASE)
    if not (expanded.startswith("/") or (looks_remote and "::" not in expanded.split("/")[0])):
        raise FleetError(
            f'repository "{redact(repository)}" is neither a URL, nor user@host:path, nor an '
            "absolute path."
        )
    return expanded


def _environment(
    base: t.Mapping[str, str], *, directory: Path, credential: t.Optional[Credential]
) -> t.Dict[str, str]:
    values = {name: value for name, value in base.items() if name not in _FOREIGN}
    values.update(
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="/bin/false",
        SSH_ASKPASS="/bin/false",
        SSH_ASKPASS_REQUIRE="never",
        GCM_INTERACTIVE="never",
        GIT_CEILING_DIRECTORIES=str(directory.parent),
        GIT_LITERAL_PATHSPECS="0",
    )
    # Per command, for exactly this directory: the account's own configuration stays as it is.
    places = sorted({str(directory), os.path.realpath(str(directory))})
    settings = [*_QUIET, *(("safe.directory", place) for place in places)]
    if credential is not None:
        values["FLEET_JOBS_GIT_USER"] = credential.username
        values["FLEET_JOBS_GIT_PASSWORD"] = credential.password
        settings += [(f"credential.{credential.origin}.helper", value) for value in ("", _HELPER)]
    count = int(values.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(settings, start=count):
        values[f"GIT_CONFIG_KEY_{number}"] = key
        values[f"GIT_CONFIG_VALUE_{number}"] = value
    values["GIT_CONFIG_COUNT"] = str(count + len(settings))
    return values
