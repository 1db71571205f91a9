/** How this webserver does, in words for users and in figures for admins. */
import { type Bus, clock, type State, type Status, type StatusReply, VERSION } from "../../bus/index.ts";
import type { Health } from "./health.ts";

type Peer = Required<StatusReply>["peers"][number];

const STATES: Record<State, string> = {
  synced: "Everything is saved, and in step with the other webservers.",
  "catching-up":
    "This webserver is catching up with the others: some of what was changed there may not be shown yet. What you save is saved.",
  degraded:
    "The datastore can't be reached. You can go on: what you change is kept on this webserver, and sent when the datastore is back. Users, groups and passwords can't be changed until then.",
  held: "This webserver's data and the datastore's do not fit together. You can read everything; nothing can be changed until an administrator has settled it.",
};
/** What counts more than that this webserver is in step, by the codes of the datastore's warnings and of the bus's. */
const TROUBLES: [code: string, words: string][] = [
  ["RESTORING", "A backup is being restored: nothing can be saved, and nobody can log in, until it has ended."],
  ["SEEDING", "The datastore was lost, and is being filled again from the webservers: new users and groups have to wait."],
  ["OUTBOX_FULL", "This webserver can't keep any more changes until the datastore is back: what you save is refused."],
  ["DISK_FULL", "This webserver's disk is full: what you upload may be refused."],
];
const DRAINING = "This webserver stops soon: you will be served by another one.";

export class StatusView {
  readonly #bus: Bus;
  readonly #health: Health;
  readonly #self: { webserver: string; externalAddr: string };
  #checkIns = 0;
  /** When the peers were last told. */
  #toldAt = 0;

  constructor(bus: Bus, health: Health, self: { webserver: string; externalAddr: string }) {
    this.#bus = bus;
    this.#health = health;
    this.#self = self;
  }

  /** Begins to note how old what is known of the peers is. Returns what ends it. */
  start(): () => void {
    return this.#bus.onStatus((status) => this.#note(status));
  }

  /** What everybody may know. */
  forUsers(): StatusReply {
    const { state, warnings } = this.#bus.status();
    const { draining } = this.#health;
    const trouble = TROUBLES.find(([code]) => warnings.some((warning) => warning.code === code))?.[1];
    const inStep = state === "synced" && draining ? DRAINING : STATES[state];
    const words = state === "held" || state === "degraded" ? STATES[state] : (trouble ?? inStep);
    const alert = words !== STATES.synced && words !== STATES["catching-up"];
    return { webserver: this.#self.webserver, state, words, alert, draining };
  }

  /** What is told to admins as it changes. */
  forWatchingAdmins(): StatusReply {
    return { ...this.forUsers(), warnings: this.#bus.status().warnings };
  }

  forAdmins(): StatusReply {
    const { generation, head, cursor, pending, deadLetters, conflicts, counters, peers } = this.#bus.status();
    return {
      ...this.forWatchingAdmins(),
      ...{ externalAddr: this.#self.externalAddr, version: VERSION },
      ...{ generation, head, cursor, pending, deadLetters, conflicts, counters: { ...counters } },
      peers: peers.map((peer) => this.#shown(peer)),
    };
  }

  #shown({ seenMsAgo, ...peer }: Status["peers"][number]): Peer {
    const since = this.#toldAt === 0 ? 0 : clock.monotonic() - this.#toldAt;
    return { ...peer, heartbeatAgeMs: Math.round(seenMsAgo + since) };
  }

  #note({ counters }: Status): void {
    if (counters.checkIns === this.#checkIns) return;
    this.#checkIns = counters.checkIns;
    this.#toldAt = clock.monotonic();
  }
}
