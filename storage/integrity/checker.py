"""Compare whole instances with the digest that was taken when they arrived, before they are given.

What proves to be damaged is noted, answered from the bucket where that has the bytes, and refused
otherwise. Of reads of parts, frames above all, a sample leads to a look at the whole.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from storage.core.entities import Instance, Location
from storage.core.errors import MediViewError, NotFound, StorageUnavailable
from storage.hosts.entities import Host
from storage.integrity.copies import (
    READABLE,
    State,
    is_long_enough,
    is_proven,
    object_range,
    read_from_volume,
    state_in_bucket,
    state_in_volume,
)
from storage.integrity.known_damage import IN_BUCKET
from storage.integrity.repository import DamagedInstances, refusal
from storage.objects.store import ObjectStore
from storage.volumes.reader import VolumeReader

# What is compared before an answer of many instances begins: half a second's work at most.
_PROVEN_FIRST_BYTES = 512 << 20
# One of so many reads of parts has the whole instance looked at, and each once an hour at most.
_SAMPLE_EVERY = 256
_SAMPLED_AGAIN_S = 3600.0
_SAMPLED_KEPT = 4096
_CHECKED_FOR_S = 2.0
_COPIED_WITHIN_S = 5.0
_LOOKED_EVERY_S = 0.1


@dataclass(frozen=True)
class Prepared:
    """An instance that is about to be sent, with the place to read it from."""

    instance: Instance
    is_proven: bool
    """Whether its bytes were compared just now; otherwise they are when they are sent."""


class Checker:
    """Safe for threads. The bytes that it vouches for are those at the place that it returns."""

    def __init__(
        self,
        volumes: VolumeReader,
        objects: ObjectStore,
        locate: Callable[[str], Location | None] | None,
        damaged: DamagedInstances | None,
        holder: Callable[[str], Host | None] = lambda _volume: None,
    ) -> None:
        """`locate` finds an instance that was moved since its row was read, `holder` the other
        host on which a volume lies."""
        self._volumes = volumes
        self._objects = objects
        self._locate = locate
        self._damaged = damaged
        self._holder = holder
        self._impatient_until_s = 0.0
        self._part_reads = 0
        self._lately: tuple[tuple[str, Location], float, Instance] | None = None
        self._sampled: OrderedDict[str, float] = OrderedDict()
        self._sampling = threading.Lock()

    def checked(self, instance: Instance) -> Instance:
        """The instance, with a place whose bytes were compared with the digest just now.

        Raises InstanceDamaged, StorageUnavailable, NotFound where it was deleted meanwhile.
        """
        instance, state = self._found(instance, self._state)
        if state in READABLE:
            self._note_readable(instance, state)
            return instance
        in_bucket = state_in_bucket(self._objects, instance)
        self._note_unreadable(instance, state, in_bucket)
        return _in_bucket(instance)

    def prepare(self, instances: Sequence[Instance]) -> list[Prepared]:
        """Make sure that an answer with these can be sent to its end, before it begins.

        One is compared with its digest. Of many the first half gigabyte is, and
        of the rest that it is there. Raises as `checked`.
        """
        left_bytes = _PROVEN_FIRST_BYTES
        prepared = []
        for one in instances:
            location = one.location
            is_here = bool(location.volume) and is_long_enough(self._volumes, location)
            if (
                len(instances) == 1
                or (is_here and left_bytes > 0)
                or not (is_here or location.object_key)
                or (self._damaged is not None and self._damaged.known.is_lost(one.sop_instance_uid))
            ):
                prepared.append(Prepared(self.checked(one), is_proven=True))
                left_bytes -= one.size_bytes
            else:
                prepared.append(Prepared(one, is_proven=False))
        return prepared

    def is_doubted(self, instance: Instance) -> bool:
        """Whether the copy that would be read is known to be wrong, or there is no right one."""
        if self._damaged is None:
            return False
        uid, location = instance.sop_instance_uid, instance.location
        # A disk may be back.
        if self._damaged.known.is_lost(uid):
            return True
        kind = self._damaged.known.doubt_of(uid)
        if kind in IN_BUCKET:
            return not (location.volume and is_long_enough(self._volumes, location))
        return bool(kind)

    def sample(self, instance: Instance) -> Instance:
        """To be asked before parts are read: the instance, with the place to read them from.

        Raises as `checked` where it is known to be damaged.
        """
        if self.is_doubted(instance):
            return self._checked_lately(instance)
        self.note_part_read(instance)
        return instance

    def note_part_read(self, instance: Instance) -> None:
        """Of one that is not doubted: now and then its whole is looked at, beside."""
        if self._damaged is None:
            return
        self._part_reads += 1
        if self._part_reads % _SAMPLE_EVERY == 0 and self._sampling.acquire(blocking=False):
            self._damaged.run_beside(partial(self._look_at_sample, instance))

    def _checked_lately(self, instance: Instance) -> Instance:
        """As `checked`, once for the many parts that are read of one."""
        key, now_s = (instance.sop_instance_uid, instance.location), time.monotonic()
        found = self._lately
        if found is not None and found[0] == key and now_s < found[1]:
            return found[2]
        checked = self.checked(instance)
        self._lately = key, now_s + _CHECKED_FOR_S, checked
        return checked

    def _look_at_sample(self, instance: Instance) -> None:
        try:
            uid, now = instance.sop_instance_uid, time.monotonic()
            if now - self._sampled.get(uid, -_SAMPLED_AGAIN_S) < _SAMPLED_AGAIN_S:
                return
            self._sampled[uid] = now
            if len(self._sampled) > _SAMPLED_KEPT:
                self._sampled.popitem(last=False)
            # It is noted, and the next who asks is refused.
            with suppress(MediViewError):
                self.checked(instance)
        finally:
            self._sampling.release()

    def read_whole(self, instance: Instance) -> bytes:
        """The part 10 bytes. Raises as `checked`."""
        data = b""

        def read(one: Instance) -> State:
            nonlocal data
            if not one.location.volume:
                return "missing"
            state, data = read_from_volume(self._volumes, one)
            return state

        instance, state = self._found(instance, read)
        if state in READABLE:
            self._note_readable(instance, state)
            return data
        in_bucket: State = "missing"
        location = instance.location
        if location.object_key:
            with suppress(NotFound):
                data = object_range(self._objects, location, 0, location.length)
                in_bucket = "whole" if is_proven(data, instance) else "damaged"
        self._note_unreadable(instance, state, in_bucket)
        return data

    def _found(
        self, instance: Instance, look: Callable[[Instance], State]
    ) -> tuple[Instance, State]:
        """The state of the local copy, and the instance where it is now.

        What another host has received a moment ago is waited for: the bucket has it soon.
        """
        state = look(instance)
        now_s = time.monotonic()
        # Who asks for a whole study is not to wait for each instance of it.
        until_s = now_s if now_s < self._impatient_until_s else now_s + _COPIED_WITHIN_S
        while state not in READABLE and self._locate is not None:
            moved = self._locate(instance.sop_instance_uid)
            if moved is None:
                raise NotFound(
                    f"The instance {instance.sop_instance_uid} was deleted meanwhile.",
                    remedy="Ask again what there is.",
                )
            if moved != instance.location:
                instance = replace(instance, location=moved, size_bytes=moved.length)
                state = look(instance)
            host = None if moved.object_key else self._holder(moved.volume)
            if host is None:
                break
            if time.monotonic() > until_s:
                self._impatient_until_s = time.monotonic() + _COPIED_WITHIN_S
                raise StorageUnavailable(
                    f"The host {host} has received {instance.sop_instance_uid}, and not yet"
                    " copied it to the bucket.",
                    remedy="Try again in some seconds; where it goes on, see to that host.",
                )
            time.sleep(_LOOKED_EVERY_S)
        return instance, state

    def _state(self, instance: Instance) -> State:
        return state_in_volume(self._volumes, instance) if instance.location.volume else "missing"

    def _note_readable(self, instance: Instance, state: State) -> None:
        if state == "whole":
            self._forget(instance)
        elif self._damaged is not None:
            self._damaged.note(instance, state, has_copy=True)

    def _note_unreadable(self, instance: Instance, local: State, in_bucket: State) -> None:
        """Raises InstanceDamaged unless the bucket has the bytes."""
        has_copy = in_bucket == "whole"
        # With a bucket the local volumes are a cache, and may lack anything.
        kind = local if local == "damaged" or not instance.location.object_key else in_bucket
        if self._damaged is not None and kind != "whole":
            # The host that received it looks, and writes its bytes to the bucket again.
            may_be_repaired = has_copy or self._holder(instance.location.volume) is not None
            self._damaged.note(instance, kind, has_copy=may_be_repaired)
            location = instance.location
            if location.volume and not location.object_key:
                self._damaged.look_beside(location.volume, self._volumes.path(location).parent)
        elif has_copy:
            self._forget(instance)
        if not has_copy:
            raise refusal(instance.sop_instance_uid, kind)

    def _forget(self, instance: Instance) -> None:
        """It was refused, and is right again: a disk is back perhaps."""
        if self._damaged is not None and self._damaged.known.is_lost(instance.sop_instance_uid):
            with suppress(MediViewError):
                self._damaged.clear([instance.sop_instance_uid])


def _in_bucket(instance: Instance) -> Instance:
    """The same, to be read from the bucket although a volume has it."""
    return replace(instance, location=replace(instance.location, volume=""))
