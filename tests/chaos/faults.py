"""What is done to a node: each fault is injected, lasts a while, and is taken away again.

`sign` is what `/health` or `mediview doctor` must say of it meanwhile or afterwards; empty where
the fault is over before anybody could hear of it.
"""

import random
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove

from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.faults.raw_peer import ASSOCIATE_RQ, pdu
from tests.faults.stoppable import Gate
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.servers import RedisServer


class World:
    """All that a fault may get at."""

    def __init__(
        self,
        parts: Parts,
        ledger: Ledger,
        *,
        server: PostgresServer | None = None,
        bucket: Gate | None = None,
        redis: RedisServer | None = None,
        silent_port: int = 0,
        small_disk: bool = False,
        senders: Gate | None = None,
        kills_each: tuple[int, int] = (1, 1),
    ) -> None:
        """`silent_port` is that of the peer SILENT, on which nothing but a fault listens.

        `senders`: the way that instances take to the receiver; `kills_each`: how often at least
        and at most a process is killed in a round.
        """
        self.parts, self.ledger = parts, ledger
        self.server, self.bucket, self.redis = server, bucket, redis
        self.silent_port, self.small_disk = silent_port, small_disk
        self.senders, self.kills_each = senders, kills_each
        self.kills = 0


class Fault(ABC):
    name = ""
    sign = ""
    harms_disk = False
    """One of these at a time: damage on a full disk is a disaster of its own kind."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return True

    @abstractmethod
    def inject(self) -> None: ...

    def after_restart(self) -> None:  # noqa: B027 - most need nothing
        """Do it to processes, too, that have been started since."""

    def heal(self) -> None:  # noqa: B027 - most need nothing
        """Where the controller's supervisor is not enough."""


class KillReceiver(Fault):
    """Killed, started and killed again, at random moments; often while it starts."""

    name = "kill -9 of the receiver"
    role = "scp"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return cls.role in world.parts.roles

    def inject(self) -> None:
        kills = self.rng.randint(*self.world.kills_each)
        for number in range(kills):
            if number:
                time.sleep(self.rng.uniform(0.0, 1.5))
                self.world.parts.restart_ended()
                time.sleep(self.rng.uniform(0.0, 2.5))
            self.kill()

    def kill(self) -> None:
        self.world.parts.signal(self.role, signal.SIGKILL)
        self.world.kills += 1


class KillApi(KillReceiver):
    name = "kill -9 of the API"
    role = "api"


class KillControl(KillReceiver):
    name = "kill -9 of the control worker"
    role = "control"


class KillBeat(KillReceiver):
    name = "kill -9 of the clock's process"
    role = "beat"


class KillEverything(KillReceiver):
    name = "kill -9 of the whole tree"

    def kill(self) -> None:
        self.world.kills += self.world.parts.kill_everything()


class StopAndContinue(Fault):
    name = "SIGSTOP and SIGCONT"

    def inject(self) -> None:
        self.role = self.rng.choice(self.world.parts.roles)
        self.world.parts.signal(self.role, signal.SIGSTOP)

    def heal(self) -> None:
        self.world.parts.signal(self.role, signal.SIGCONT)


class CrashPostgres(Fault):
    name = "crash of PostgreSQL"
    sign = "database"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.server is not None

    def inject(self) -> None:
        assert self.world.server is not None
        process = self.world.server.process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(60)

    def heal(self) -> None:
        assert self.world.server is not None
        self.world.server.start()


class BucketAway(Fault):
    name = "bucket out of reach"
    sign = "objects"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.bucket is not None

    def inject(self) -> None:
        assert self.world.bucket is not None
        self.world.bucket.shut()

    def heal(self) -> None:
        assert self.world.bucket is not None
        self.world.bucket.open()


class KillRedis(Fault):
    name = "kill -9 of Redis"
    sign = "broker"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.redis is not None

    def inject(self) -> None:
        assert self.world.redis is not None
        self.world.redis.kill()

    def heal(self) -> None:
        assert self.world.redis is not None
        self.world.redis.start()


class SilentDestination(Fault):
    """C-MOVEs to a peer that takes connections and never says a word."""

    name = "destination that never answers"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return bool(world.silent_port)

    def inject(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.world.silent_port))
        self.listener.listen()
        studies = {pair.split()[0] for pair in self.world.ledger.studies.values()}
        chosen = self.rng.sample(sorted(studies), min(3, len(studies)))
        self.askers = [threading.Thread(target=self._move, args=(one,)) for one in chosen]
        for asker in self.askers:
            asker.start()

    def _move(self, study: str) -> None:
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = study
        ae = AE("ASKER")
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
        association = ae.associate("127.0.0.1", self.world.parts.port)
        if association.is_established:
            for _ in association.send_c_move(
                query, "SILENT", StudyRootQueryRetrieveInformationModelMove
            ):
                pass
            association.abort()

    def heal(self) -> None:
        self.listener.close()
        for asker in self.askers:
            asker.join(PATIENCE_S)


class HalfOpenPeers(Fault):
    """Senders that stop in the middle of a PDU, and say nothing more."""

    name = "half-open connections"

    def inject(self) -> None:
        self.sockets = []
        for _ in range(10):
            with suppress(OSError):
                peer = socket.create_connection(("127.0.0.1", self.world.parts.port), timeout=5)
                peer.sendall(pdu(ASSOCIATE_RQ, bytes(20), 4000)[: self.rng.randint(1, 26)])
                self.sockets.append(peer)

    def heal(self) -> None:
        for one in self.sockets:
            one.close()


class DroppedConnections(Fault):
    """All associations of senders are cut, again and again, in the middle of whatever they send."""

    name = "dropped connections"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.senders is not None

    def inject(self) -> None:
        assert self.world.senders is not None
        for _ in range(self.rng.randint(2, 6)):
            time.sleep(self.rng.uniform(0.0, 0.7))
            self.world.senders.shut()
            self.world.senders.open()


class ClockJump(Fault):
    name = "clock set by an hour, a day"

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.parts.clock is not None

    def inject(self) -> None:
        self.world.parts.set_clock(self.rng.choice([-86_400, -3600, 3600, 86_400]))
        time.sleep(1.5)

    def heal(self) -> None:
        self.world.parts.set_clock(0)
