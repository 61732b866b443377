# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""pueued's requests as methods; what is dangerous (Send, task-id Pause and Start) is left out."""

from __future__ import annotations

import typing as t
from datetime import datetime

from . import cbor
from .config import Config
from .errors import ConnectionLost, MalformedReply, PueueError, RequestFailed
from .handshake import shake_hands
from .requests import AddRequest, RestartItem, wire_signal
from .snapshot import MARKER_PREFIX, Group, Snapshot, Task, groups_from_wire
from .timestamp import rfc3339
from .wire import Wire, WireEnded

__all__ = ["AddRequest", "Client", "RestartItem"]

# More unanswered requests than this could fill the buffers of both directions.
OUTSTANDING = 128
_LIMITS = cbor.Limits()
_KEEP = cbor.Keep(name="envs", prefix=MARKER_PREFIX)
_SAVE_FAILED = "Failed to save state"


class Client:
    """One connection to one daemon. Requests that name several tasks return nothing, because
    pueued calls a partial failure a success: read the queue again."""

    def __init__(self, wire: Wire, *, config: Config, daemon_version: str, timeout: float) -> None:
        self._wire: t.Optional[Wire] = wire
        self.config = config
        self.daemon_version = daemon_version
        self.timeout = timeout

    @classmethod
    def connect(cls, config: Config, *, timeout: float = 10.0) -> Client:
        """Connect and shake hands; ``timeout`` then bounds each single answer."""
        wire, version = shake_hands(config, timeout=timeout)
        return cls(wire, config=config, daemon_version=version, timeout=timeout)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # -- reading ------------------------------------------------------------------------------

    def status(self) -> Snapshot:
        """The whole queue, O(tasks) in the daemon; environments are dropped while decoding."""
        return Snapshot.from_wire(self._ask("Status", expect="Status"))

    def groups(self) -> t.Dict[str, Group]:
        """Groups only; cheap, and the way to see whether the daemon answers."""
        reply = self._ask({"Group": "List"}, expect="Group")
        return groups_from_wire(reply.get("groups") if isinstance(reply, dict) else None)

    def tasks(self, ids: t.Iterable[int]) -> t.Dict[int, Task]:
        """Some tasks without the rest of the queue; ids that do not exist are left out."""
        wanted = list(ids)
        if not wanted:
            return {}
        request = {"tasks": {"TaskIds": wanted}, "send_logs": False, "lines": None}
        entries = self._ask({"Log": request}, expect="Log")
        try:
            listed = {number: entry["task"] for number, entry in entries.items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise MalformedReply(f"pueued's Log reply has an unknown form: {error}.") from error
        return dict(Snapshot.from_wire({"tasks": listed, "groups": {}}).tasks)

    # -- adding -------------------------------------------------------------------------------

    def add(self, request: AddRequest) -> int:
        """Add one task; its id."""
        (answer,) = self.add_many([request])
        if isinstance(answer, PueueError):
            raise answer
        return answer

    def add_many(self, requests: t.Sequence[AddRequest]) -> t.List[t.Union[int, PueueError]]:
        """Add tasks over a filled pipe; an id or an error for each, in their order.

        All are checked before the first is sent. A lost connection raises ``ConnectionLost``,
        whose ``answered`` holds what was answered; everything behind it is uncertain.
        """
        frames = [cbor.encode(request.wire()) for request in requests]
        answers: t.List[t.Union[int, PueueError]] = []
        sent = 0
        broken: t.Optional[WireEnded] = None
        while len(answers) < len(frames):
            try:
                while broken is None and sent < min(len(frames), len(answers) + OUTSTANDING):
                    self._send(frames[sent])
                    sent += 1
            except WireEnded as error:
                # What was answered before the break can still be read.
                broken = error
            try:
                answers.append(self._added())
            except RequestFailed as error:
                answers.append(error)
            except (WireEnded, MalformedReply) as error:
                raise self._lost("Add", broken or error, answered=answers) from error
        return answers

    def _added(self) -> int:
        reply = self._variant(self._receive(), name="Add", expect="AddedTask")
        number = reply.get("task_id") if isinstance(reply, dict) else None
        if not isinstance(number, int):
            raise MalformedReply("pueued's AddedTask reply has no task id.")
        return number

    # -- changing tasks -----------------------------------------------------------------------

    def remove(self, ids: t.Iterable[int]) -> None:
        """Forget tasks that do not run, with their logs."""
        wanted = list(ids)
        if wanted:
            self._change({"Remove": wanted})

    def enqueue(self, ids: t.Iterable[int], at: t.Optional[datetime] = None) -> None:
        """Queue stashed tasks, now or ``at`` a time. pueued does not save this by itself."""
        self._change_tasks("Enqueue", ids, {"enqueue_at": rfc3339(at)})

    def restart(self, items: t.Sequence[RestartItem], *, stashed: bool = False) -> None:
        """Run finished tasks again in place, all in one step; their logs are lost at the start."""
        tasks = [item.wire() for item in items]
        if tasks:
            self._change(
                {"Restart": {"tasks": tasks, "start_immediately": False, "stashed": stashed}}
            )

    def kill(self, ids: t.Iterable[int], signal: t.Optional[str] = None) -> None:
        """SIGKILL running tasks' process groups, or send ``signal`` (TERM, INT, ...)."""
        self._change_tasks("Kill", ids, {"signal": wire_signal(signal)})

    def env_set(self, task_id: int, key: str, value: str) -> None:
        """Set one variable of a queued or stashed task."""
        self._change({"Env": {"Set": {"task_id": task_id, "key": key, "value": value}}})

    def clean(self, group: t.Optional[str] = None, *, successful_only: bool = False) -> None:
        """Forget finished tasks that no unfinished one depends on, with their logs."""
        self._change({"Clean": {"successful_only": successful_only, "group": group}})

    # -- changing groups ----------------------------------------------------------------------

    def pause_group(self, name: str, *, wait: bool = True) -> None:
        """Start nothing more in a group; ``wait=False`` also stops what runs (SIGSTOP)."""
        self._change({"Pause": {"tasks": {"Group": name}, "wait": wait}})

    def start_group(self, name: str) -> None:
        """Let a group run again, its stopped tasks included."""
        self._change({"Start": {"tasks": {"Group": name}}})

    def kill_all(self) -> None:
        """Kill everything; pueued pauses all groups if any task waits (hazard G-5)."""
        self._change({"Kill": {"tasks": "All", "signal": None}})

    def group_add(self, name: str, parallel: int = 1) -> None:
        self._change({"Group": {"Add": {"name": name, "parallel_tasks": parallel}}})

    def group_remove(self, name: str) -> None:
        self._change({"Group": {"Remove": name}})

    def parallel(self, name: str, n: int) -> None:
        """How many tasks of a group may run at once; 0 is no limit. Not saved by itself."""
        self._change({"Parallel": {"parallel_tasks": n, "group": name}})

    # -- asking -------------------------------------------------------------------------------

    def _change_tasks(self, name: str, ids: t.Iterable[int], fields: t.Mapping[str, t.Any]) -> None:
        wanted = list(ids)
        if wanted:
            self._change({name: {"tasks": {"TaskIds": wanted}, **fields}})

    def _change(self, request: t.Dict[str, t.Any]) -> None:
        self._ask(request, expect="Success")

    def _ask(self, request: t.Any, *, expect: str) -> t.Any:
        name = request if isinstance(request, str) else next(iter(request))
        frame = cbor.encode(request)
        try:
            self._send(frame)
            reply = self._receive()
        except WireEnded as error:
            raise self._lost(name, error, changes=expect == "Success") from error
        return self._variant(reply, name=name, expect=expect)

    def _send(self, frame: bytes) -> None:
        if self._wire is None:
            raise WireEnded("the connection was closed before")
        self._wire.send(frame, timeout=self.timeout)

    def _receive(self) -> t.Any:
        if self._wire is None:
            raise WireEnded("the connection was closed before")
        payload = self._wire.receive(limit=_LIMITS.size, timeout=self.timeout)
        try:
            return cbor.decode(payload, limits=_LIMITS, keep=_KEEP)
        except cbor.CborError as error:
            self.close()
            raise MalformedReply(
                f'pueued at "{self.config.address}" sent what its protocol does not allow, '
                f"{error}. Read the queue again before repeating the request."
            ) from error

    def _variant(self, reply: t.Any, *, name: str, expect: str) -> t.Any:
        """The content of the one kind of reply that fits; a failure becomes an error."""
        if isinstance(reply, dict) and len(reply) == 1:
            if expect in reply:
                return reply[expect]
            if "Failure" in reply:
                raise self._failed(name, str(reply["Failure"]))
        self.close()
        kind = next(iter(reply), "nothing") if isinstance(reply, dict) else reply
        raise MalformedReply(
            f'pueued at "{self.config.address}" answered the request "{name}" with '
            f'"{str(kind)[:40]}" instead of "{expect}". Read the queue again before repeating it.'
        )

    def _failed(self, name: str, answer: str) -> RequestFailed:
        message = f'pueued at "{self.config.address}" refused the request "{name}": {answer}'
        uncertain = _SAVE_FAILED in answer
        if uncertain:
            message += (
                ". It failed only after the change was made in memory, so the change may exist "
                "and a new task may run: free disk space and read the queue again before "
                "repeating it."
            )
        return RequestFailed(message, answer=answer, uncertain=uncertain)

    def _lost(
        self,
        name: str,
        error: Exception,
        *,
        changes: bool = True,
        answered: t.Sequence[t.Any] = (),
    ) -> ConnectionLost:
        """A connection that failed once is out of step and is not used again."""
        self.close()
        message = (
            f'pueued at "{self.config.address}" gave no answer to the request "{name}": {error}. '
        )
        if changes:
            message += (
                "The request may have been applied or not; connect and read the queue again "
                "before repeating it."
            )
        else:
            message += "It only reads; connect and ask again."
        return ConnectionLost(message, answered=answered, uncertain=changes)
