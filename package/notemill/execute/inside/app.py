"""ipykernel's own application, kernel and shell, made before the fork and without ZMQ."""

import contextlib
import contextvars
import os
import socket
import sys
import threading
import types
import uuid

import zmq
from ipykernel import ipkernel, kernelapp
from tornado.ioloop import IOLoop
from traitlets import Any

from . import streams
from .channel import Receiver, Sender

DELIMITER, NO_SIGNATURE = zmq.Frame(b"<IDS|MSG>"), zmq.Frame(b"")
SHUTDOWN = b"shutdown"


class IPythonKernel(ipkernel.IPythonKernel):
    """Takes its requests one by one; nothing is queued that an error would have to abort."""

    shell_stream = Any()
    _supports_kernel_subshells = False

    def _abort_queues(self, subshell_id=None) -> None: ...


class IPKernelApp(kernelapp.IPKernelApp):
    """Opens no socket, starts no thread."""

    def init_connection_file(self) -> None: ...

    def init_poller(self) -> None: ...

    def init_heartbeat(self) -> None: ...

    def write_connection_file(self, **kwargs) -> None: ...

    def log_connection_info(self) -> None: ...

    def init_path(self) -> None: ...

    def init_sockets(self) -> None:
        self.iopub_thread = self.iopub_socket = streams.Publisher()
        self.configure_tornado_logger()

    def init_kernel(self) -> None:
        self.kernel = self.kernel_class.instance(
            parent=self, session=self.session, shell_stream=streams.Publisher(b"shell"), iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket, stdin_socket=streams.Publisher(b"stdin"), log=self.log,
            profile_dir=self.profile_dir, user_ns=self.user_ns,
            shell_channel_thread=types.SimpleNamespace(parent_thread=threading.main_thread()))
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count


for changed, module in ((IPythonKernel, ipkernel), (IPKernelApp, kernelapp)):
    changed.__module__ = module.__name__  # it shows in outputs


def make_app(folder: str) -> IPKernelApp:
    """The application, with its shell; `folder` takes the place of IPython's own, which holds a user's settings."""
    import psutil  # noqa: F401  (when it ends, an ordinary kernel has it, too)
    import tornado.platform.asyncio  # noqa: F401  (the kernel's loop needs it after the fork)

    without_debugger()
    sys.breakpointhook = no_breakpoint
    os.environ["IPYTHONDIR"] = folder
    app = IPKernelApp.instance(kernel_class=IPythonKernel, capture_fd_output=False,
                               outstream_class=f"{streams.__name__}.OutStream")
    app.config.HistoryManager.hist_file = ":memory:"  # a file has a thread that writes it
    app.config.IPythonKernel._execute_sleep = 0.0  # messages cannot overtake each other here
    app.session.key = b""
    app.initialize([])
    return app


def without_debugger() -> None:
    """A debugger takes long to import, starts threads, and nobody is there to use it."""
    sys.modules["debugpy"] = None
    import ipykernel.debugger

    ipykernel.debugger._is_debugpy_available = False
    del sys.modules["debugpy"]


def no_breakpoint(*args, **kwargs) -> None:
    """As with a debugger to which nobody is attached."""


def come_alive(app: IPKernelApp, end, gone) -> None:
    """In the forked process: what each kernel has for itself, and its standard streams. `gone` is called when the
    client has left."""
    app.session.session, app.session.pid = str(uuid.uuid4()), os.getpid()
    app.kernel.ident = str(uuid.uuid4())
    app.shell.init_environment()
    app.shell.user_ns["_dh"][:] = [os.getcwd()]
    app.shell.starting_dir = os.getcwd()
    sender = Sender(end)
    for publisher in (app.iopub_thread, app.kernel.shell_stream, app.kernel.stdin_socket):
        publisher.sender = sender
    captured = streams.Captured(app.iopub_thread, sender, gone)
    captured.start()


def serve(app: IPKernelApp, end: socket.socket) -> None:
    """Answer the client's requests until it asks for the end."""
    kernel, receiver, tasks = app.kernel, Receiver(end), set()
    kernel.io_loop = app.io_loop = IOLoop.current()
    loop, context = kernel.io_loop.asyncio_loop, contextvars.copy_context()  # what a cell sets there, the next one sees

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            parts = receiver.receive(socket.MSG_DONTWAIT)
            if receiver.read:
                loop.call_soon(read)
            asked = shut_down(app) if parts is None or parts[0] == SHUTDOWN else \
                kernel.shell_main(None, [DELIMITER, NO_SIGNATURE, *map(zmq.Frame, parts[1:])])
            task = loop.create_task(asked, context=context)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    loop.add_reader(end, read)
    kernel._publish_status("starting", "shell")
    kernel.io_loop.start()
    loop.remove_reader(end)


async def shut_down(app: IPKernelApp) -> None:
    """As ipykernel does when it is told to."""
    await app.kernel._main_asyncio_lock.acquire()
    app.kernel.do_shutdown(False)
    await app.kernel._at_shutdown()
    app.kernel.io_loop.stop()
