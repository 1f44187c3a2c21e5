"""An actor pool of Ray Data, kept busy on a thread: it starts workers, spreads them, grows, and replaces what died."""

import logging
import re
import threading
from collections.abc import Callable

from constitution import __version__
from constitution.cluster.connecting import HOST_VARIABLE, Room
from constitution.cluster.worker import Post, Worker
from constitution.errors import ModelError, first_line

# A pool that breaks so often without a worker that came is not tried again.
MOST_BREAKS = 5
PAUSE_SECONDS = 2.0
# Another try would find the same.
_LACKING = re.compile(r"No module named '[\w.]+'")


class Pool:
    """Workers of one kind.

    Args:
        post: What each worker is told.
        room: How many there are, and what each is given.
        came: Whether a worker has reported since the last time that this was asked.
        failed: Called, on the pool's thread, when the pool cannot be kept.
    """

    def __init__(
        self, post: Post, room: Room, came: Callable[[], bool], failed: Callable[[BaseException], None]
    ) -> None:
        self._post = post
        self._room = room
        self._came = came
        self._failed = failed
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ray-pool", daemon=True)
        self._thread.start()

    def end(self, seconds: float) -> None:
        """Start no more workers, and wait for those that there are, at most so long; they were sent home."""
        self._ended.set()
        self._thread.join(seconds)

    def _keep(self) -> None:
        breaks = 0
        while not self._ended.is_set():
            broken: Exception | None = None
            try:
                self._run()
            except Exception as bad:
                # Ray raises errors of many families, and a pool is the one thing to do about them.
                broken = bad
            if self._ended.is_set():
                return
            breaks = 0 if self._came() else breaks + 1
            if broken is None and breaks:
                # The workers have come up, looked for the driver in vain, and ended.
                self._failed(_unreached(self._post))
                return
            if broken and (breaks >= MOST_BREAKS or _LACKING.search(str(broken))):
                self._failed(_broken(broken))
                return
            self._ended.wait(PAUSE_SECONDS)

    def _run(self) -> None:
        """One pass: a block for each worker there may be, each of which lasts until the worker is sent home."""
        import ray

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        # As it comes, the pool grows only while several blocks wait for each worker, and here a block is a worker's.
        context.autoscaling_config.actor_pool_util_upscaling_threshold = 0.9
        # What breaks is told by this program, without Ray's own traces.
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        room = self._room
        places = ray.data.from_items([{"worker": number} for number in range(room.most)], override_num_blocks=room.most)
        # Ray Data's own defaults: a worker that is lost is started again elsewhere, and so is its block.
        working = places.map_batches(
            Worker,
            fn_constructor_args=(self._post,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                min_size=room.least, max_size=room.most, max_tasks_in_flight_per_actor=1
            ),
            num_cpus=room.cpus,
            num_gpus=room.gpus or None,
        )
        for _ in working.iter_batches(batch_size=None, prefetch_batches=0):
            pass


def _broken(error: BaseException) -> ModelError:
    """Why there are no workers, as far as Ray tells."""
    text = str(error)
    if lacking := _LACKING.search(text):
        return ModelError(
            f"workers cannot start: {lacking[0]} where they run",
            f"Install constitution {__version__} on every node: pip install '.[ray]' in a checkout of constitution",
        )
    return ModelError(
        f"the cluster cannot keep workers: {first_line(error)[:300]}",
        "See what Ray says of them: ray status, and its logs in /tmp/ray/session_latest/logs.",
    )


def _unreached(post: Post) -> ModelError:
    return ModelError(
        f"workers have started, but none has reached this process at {post.host}:{post.port}",
        f"Open the way from the nodes to this machine; or name its address as they see it: {HOST_VARIABLE}=ADDRESS",
    )
