"""The stages of a batch, each made with what it needs; what leads through them is `batch`."""

from collections.abc import Callable, Sequence

from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.attempt import Attempting
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Judging
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.lines.call import Calls
from spectrum_forwarder.fanout.lines.conversations import Conversations
from spectrum_forwarder.fanout.lines.drain import Draining
from spectrum_forwarder.fanout.lines.stand import Standing
from spectrum_forwarder.fanout.needs import Needs
from spectrum_forwarder.fanout.plan import Planning
from spectrum_forwarder.fanout.poison import Strikes
from spectrum_forwarder.fanout.record import Recorder
from spectrum_forwarder.fanout.take import Taking

Lead = Callable[[Sequence[QueueRecord]], None]
# Of a line, if any, and while this says that it is one's turn.
LeadSuspects = Callable[[str | None, Callable[[], bool]], None]


class Stages:
    """Those that every batch has; where there are lines, what leads these through them as well."""

    def __init__(
        self,
        needs: Needs,
        configured: Configured,
        gate: Gate,
        keeping: Keeping,
        deadline: float,
    ) -> None:
        table, store, clock, facts = needs.table, needs.store, needs.clock, needs.facts
        timing, payloads = needs.timing, needs.store.payloads
        self._needs, self._configured = needs, configured
        self._gate, self._keeping = gate, keeping
        self._calls = Calls(needs.queue, configured, gate, clock, facts, timing)
        self.claims = Claims(table, payloads, clock, facts, timing)
        self.taking = Taking(
            table,
            store,
            configured,
            self.claims,
            keeping,
            clock,
            needs.sleep,
            facts,
            timing,
            needs.new_owner,
        )
        self.strikes = Strikes(table, self.claims, keeping)
        self.planning = Planning(
            configured, gate, payloads, clock, facts, timing, deadline, needs.rng
        )
        self.attempting = Attempting(needs.sender, keeping, clock, needs.sleep, needs.loops)
        self.judging = Judging(gate, clock, facts, timing, needs.rng)
        self.standing = Standing(needs.lines, gate, clock, facts, timing)
        self.recorder = Recorder(
            table,
            self.claims,
            self.standing,
            self._calls,
            needs.queue,
            clock,
            needs.sleep,
            facts,
            timing,
            needs.retention_days,
            gate,
        )

    def draining(self, lead: Lead, lead_suspects: LeadSuspects) -> Draining | None:
        """What leads destinations' lines through the stages; None without lines."""
        needs = self._needs
        if not needs.lines:
            return None
        return Draining(
            needs.lines,
            needs.health,
            needs.table,
            needs.queue,
            self._calls,
            self._configured,
            self._gate,
            needs.clock,
            needs.sleep,
            needs.facts,
            needs.timing,
            needs.new_owner,
            lead,
            lead_suspects,
            needs.abreast or needs.in_parallel,
            self.standing.freed,
        )

    def conversations(self, lead: Lead, lead_suspects: LeadSuspects) -> Conversations | None:
        """What leads conversations' heads through the stages; None without lines."""
        needs = self._needs
        if not needs.lines:
            return None
        return Conversations(
            needs.lines,
            needs.table,
            needs.queue,
            self._calls,
            self._configured,
            self._gate,
            self._keeping,
            needs.clock,
            needs.facts,
            needs.timing,
            needs.new_owner,
            lead,
            lead_suspects,
            self.standing.freed,
            self.standing.recorded,
        )
