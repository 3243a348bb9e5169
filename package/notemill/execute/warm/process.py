"""A warm process: started, found again, asked for a kernel. Its folder is its user's alone, and so is its socket."""

import contextlib
import errno
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import NotemillError
from notemill.execute.folders import KEY
from notemill.execute.inside import channel
from notemill.execute.inside.channel import pid_of
from notemill.files import canonical_json, sha256_text
from notemill.interpreter import stamp_of
from notemill.redact import logins

INSIDE = Path(channel.__file__).parent
START = INSIDE / "start.py"  # run by path: it imports nothing of notemill
IDLE = 600.0  # seconds without a kernel, after which one that outlives the run ends
PATIENCE = 60.0  # seconds until it answers; it imports meanwhile
SHORT = 5.0  # seconds until it says how it is
LOOK = 0.2  # seconds between looks whether anybody still waits
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # a thread does not survive a fork
OF_THE_STEP = (*ONE_THREAD, "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS",
               "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "IPYTHONDIR", "PWD", "OLDPWD", "SHLVL", "_", "TERM",
               "COLUMNS", "LINES", "LS_COLORS", "WINDOWID", "WINDOW", "STY", "XAUTHORITY", "PYTEST_CURRENT_TEST",
               "PYTHONWARNINGS", "DO_NOT_TRACK", "VTE_VERSION", "LC_TERMINAL", "LC_TERMINAL_VERSION", "PS1", "PS2",
               "PROMPT_COMMAND", "LESSOPEN", "LESSCLOSE", "MAIL", "INVOCATION_ID", "JOURNAL_STREAM",
               "SYSTEMD_EXEC_PID", "MANAGERPID", "XDG_SEAT", "XDG_VTNR", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER",
               "VIRTUAL_ENV_PROMPT")
OF_THE_SESSION = ("MLFLOW_", "_MLFLOW_", "NOTEMILL_", "SSH_", "GIT_", "GPG_", "DBUS_", "XDG_SESSION", "TERM_",
                  "TMUX", "VSCODE_", "DRONE_", "JPY_", "KITTY_", "ITERM_", "KONSOLE_", "GNOME_TERMINAL_", "ALACRITTY_",
                  "WEZTERM_", "WT_", "DIRENV_", "HIST")  # no library reads them at its import; a terminal has its own
OF_IMPORTS = ("MLFLOW_LOGGING_LEVEL", "MLFLOW_CONFIGURE_LOGGING")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}  # MLflow makes up its mind when it is imported
PRIVATE = re.compile("PASS(WO?R?D|PHRASE)?$|PASSW|PASSPHRASE|TOKEN|SECRET|KEY|CREDENTIAL|AUTH|_PWD$|_PAT$|_DSN$|"
                     "TRACKING_URI|REGISTRY_URI|CONNECTION_STRING", re.IGNORECASE)


class WarmError(NotemillError):
    """There is no warm process to be had.

    `spoiled` names a module that one must not import; `again`: another process may well give a kernel; `silent`: it
    does not answer.
    """

    def __init__(self, got: str, spoiled: str = "", *, again: bool = False, silent: bool = False):
        super().__init__("the warm process", got)
        self.spoiled, self.again, self.silent = spoiled, again or bool(spoiled), silent


def check_system() -> None:
    """Raises WarmError where a process cannot go on after a fork of one that has libraries loaded."""
    if sys.platform != "linux":
        raise WarmError(f"is for Linux alone: on {sys.platform} a fork is not safe")


def lasting_environment(env: Mapping[str, str], private: Iterable[str] = ()) -> dict[str, str]:
    """What of a kernel's environment the warm process is started with: what libraries read when they are imported, no
    secret, nothing that differs from step to step."""
    hidden = withheld(env, private)
    kept = {name: value for name, value in env.items() if name not in hidden and not _passes(name)}
    paths = [os.path.abspath(path) for path in kept.pop("PYTHONPATH", "").split(os.pathsep) if path]
    if paths:  # whole: the warm process is in no project's folder
        kept["PYTHONPATH"] = os.pathsep.join(paths)
    return {**kept, **QUIET, **dict.fromkeys(ONE_THREAD, "1")}


def withheld(env: Mapping[str, str], private: Iterable[str] = ()) -> frozenset[str]:
    """The variables that the forked kernels alone get: those called private, and what looks like a secret.

    What `_passes` is in neither: the warm process never has it (SSH_AUTH_SOCK, MLFLOW_TRACKING_TOKEN), and as no import
    reads it, it is no reason to import less.
    """
    return frozenset(name for name, value in env.items() if name in private or not _passes(name)
                     and (PRIVATE.search(name) or ("@" in value and logins(value))))


def _passes(name: str) -> bool:
    """Whether it is of a step or a session, and of no import."""
    return name in OF_THE_STEP or name.startswith(OF_THE_SESSION) and name not in OF_IMPORTS


def key_of(env: Mapping[str, str], has_secrets: bool = False, bare: bool = False) -> str:
    """Changes with all that a forked process cannot change for itself: interpreter, installed distributions,
    environment, limits, this code; whether there are secrets: then less is imported beforehand; `bare`: nothing is.

    Its first half stays when a distribution or this code is upgraded.
    """
    code = [[path.name, path.stat().st_mtime_ns] for path in sorted(INSIDE.glob("*.py"))]
    folders = [path for path in sys.path if stamp_of([path]) != stamp_of([])]
    parts = ([sys.executable, folders, dict(env), limits(), umask(), surroundings(), has_secrets, bare],
             [stamp_of(sys.path, sys.version), code])
    return "".join(sha256_text(canonical_json(part))[:KEY // 2] for part in parts)


def limits() -> list:
    """What the system allows this process."""
    import resource  # Windows has none

    numbers = sorted(number for name, number in vars(resource).items() if name.startswith("RLIMIT_"))
    return [resource.getrlimit(number) for number in numbers]


def umask() -> int:
    """Of this process, without changing it."""
    return next((int(line.split()[1], 8) for line in _lines("/proc/self/status") if line.startswith("Umask:")), 0)


def surroundings() -> list[str]:
    """The process's namespaces, control group, niceness, processors and groups: what it sees and may use."""
    spaces = [f"/proc/self/ns/{name}" for name in ("mnt", "net", "pid", "user")]
    share = [os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), os.getgid(), sorted(os.getgroups())]
    return [*_lines("/proc/self/cgroup"), *(os.readlink(space) for space in spaces if os.path.lexists(space)),
            str(share)]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


@dataclass(frozen=True)
class WarmProcess:
    """A warm process by its folder."""

    folder: Path

    def connect(self) -> socket.socket | None:
        """A connection; None where nobody of this user listens. Raises WarmError where somebody does and too many
        wait."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            link.settimeout(SHORT)
            link.connect(str(self.folder / "socket"))
            if channel.peer_of(link) == os.getuid():
                return link
        except (BlockingIOError, TimeoutError):
            link.close()
            raise WarmError("does not answer") from None
        except OSError:
            pass  # no socket there, or one that a killed process has left
        link.close()
        return None

    def ask(self, what: str, patience: float = SHORT) -> dict | None:
        """Its answer to `status` or `stop`; None where nobody listens. Raises WarmError where it does not answer."""
        link = self.connect()
        if not link:
            return None
        with link:
            send(link, {"ask": what})
            return answer_of(link, patience)

    def teach(self, names: Iterable[str], patience: float = 0) -> dict | None:
        """Let it import modules while nobody wants a kernel; its answer when they are there, if one waits for that.

        Raises WarmError.
        """
        link = self.connect()
        if not link:
            return None
        with link, as_file(list(names)) as asked:
            send(link, {"ask": "import"}, asked)
            return answer_of(link, patience) if patience else None

    def pid(self) -> int | None:
        """Its number, whether it answers or not."""
        with contextlib.suppress(WarmError):
            link = self.connect()
            if link:
                with link:
                    return pid_of(link)
        return None

    def kill(self) -> None:
        """End one that does nothing any more. Kernels that it has forked go on."""
        pid = self.pid()
        words = _lines(f"/proc/{pid}/cmdline")
        if pid and words and str(self.settings) in words[0].split("\0"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    def log(self) -> str:
        """The last line that it wrote."""
        return (_lines(str(self.folder / "log")) or [""])[-1]


def is_stopped(pid: int) -> bool:
    """Whether the process was stopped by a signal: it will not answer."""
    return any(line.startswith("State:") and line.split()[1] in "Tt" for line in _lines(f"/proc/{pid}/status"))


def start(folder: Path, env: Mapping[str, str], owner: int | None = None) -> subprocess.Popen:
    """Start a warm process in this folder; it ends with `owner`, the reading end of a pipe, or when it was idle for
    long."""
    settings = WarmProcess(folder).settings
    settings.write_text(json.dumps({"folder": str(folder), "owner": owner, "idle": IDLE}))
    with open(folder / "log", "wb") as log:
        return subprocess.Popen([sys.executable, str(START), "server", str(settings)], env=dict(env), cwd="/",
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                pass_fds=() if owner is None else (owner,))


def until_it_listens(process: WarmProcess, started: subprocess.Popen) -> socket.socket:
    """A connection to what was just started. Raises WarmError."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        link = process.connect()
        if link:
            return link
        if started.poll() is not None:
            raise WarmError(f"ended at once: {process.log()}")
        time.sleep(0.005)
    started.kill()
    raise WarmError("did not start within its time", silent=True)


def ask_for_kernel(link: socket.socket, request: Mapping, log: int) -> socket.socket:
    """Send the request for a kernel; the client's end of its channel. The answer comes later, over the link."""
    ours, theirs = channel.pair()
    try:
        with theirs, as_file(request) as asked:
            send(link, {"ask": "kernel"}, theirs.fileno(), log, asked)
        return ours
    except BaseException:
        ours.close()
        raise


@contextlib.contextmanager
def as_file(value: object):
    """A value as JSON in a file without a name: a message holds less, and nothing of it gets to a disk."""
    number = os.memfd_create("request")
    try:
        with open(number, "wb", closefd=False) as file:
            file.write(json.dumps(value).encode("utf-8", "surrogatepass"))
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)


def send(link: socket.socket, request: Mapping, *files: int) -> None:
    """Raises WarmError."""
    try:
        socket.send_fds(link, [json.dumps(request).encode()], files)
    except OSError as error:
        raise WarmError(f"took no request: {error.strerror}", again=error.errno != errno.EMFILE) from None


def kernel_pid(link: socket.socket, stop=None) -> int:
    """The process's number, once it has been forked. Raises WarmError, also when `stop` is set meanwhile."""
    told = answer_of(link, PATIENCE, stop)
    if "pid" not in told:
        raise WarmError(told["error"], told.get("spoiled", ""), again=told.get("again", "spoiled" in told))
    return told["pid"]


def answer_of(link: socket.socket, patience: float, stop=None) -> dict:
    """What is said next. Raises WarmError."""
    end = time.monotonic() + patience
    while not select.select([link], [], [], max(0, min(LOOK, end - time.monotonic())))[0]:
        if stop and stop.is_set():
            raise WarmError("was not waited for")
        if time.monotonic() >= end:
            raise WarmError(f"did not answer within {patience:g} s", silent=True)
    try:
        answer = link.recv(channel.FRAME)
    except OSError:
        answer = b""
    if not answer:
        raise WarmError("ended before it had answered", again=True)
    return json.loads(answer)
