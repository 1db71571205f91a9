/** One webserver as the load balancer sees it: where it is, how it does, and what is under way on it. */
import type { HealthReply } from "../../bus/index.ts";
import { type Address, formatAddress } from "./address.ts";
import { markOf } from "./stickiness.ts";
import { UpstreamAgent, type UpstreamTls } from "./upstream-agent.ts";

/** From the best to the worst: users are sent to the best that there are. fit: nothing is against it. unfit: it says itself, or the datastore says,
 *  that it should get none. drained: an operator says so. down: it does not answer. */
export const RANKS = ["fit", "unfit", "drained", "down"] as const;
/** barred: nobody may be sent there. */
export type Rank = (typeof RANKS)[number] | "barred";

export type Health =
  | { kind: "unknown" }
  | { kind: "answers"; ready: boolean; reason?: string; state?: HealthReply["state"] }
  | { kind: "down"; reason: string }
  /** Who answers there is somebody else. */
  | { kind: "another"; reason: string };

/** What the datastore says of it. */
export interface Heard {
  state: HealthReply["state"];
  /** Revisions that it is behind. */
  behind: number;
  /** It says that it stops soon. */
  draining: boolean;
  /** The datastore has not heard of it lately, though others have contact. */
  missing: boolean;
}

export interface BackendOptions {
  /** The webserver's id, or the name of its section. */
  name: string;
  address: Address;
  /** undefined: it speaks plain HTTP. */
  tls: UpstreamTls | undefined;
  /** It is of the configuration, and need not say who it is. */
  fixed: boolean;
}

/** As Health.MAX_BEHIND of a webserver: what it is behind while it catches up. */
const MAX_BEHIND = 10_000;

export class Backend {
  readonly name: string;
  readonly address: Address;
  readonly tls: UpstreamTls | undefined;
  readonly fixed: boolean;
  readonly mark: string;
  readonly agent: UpstreamAgent;
  health: Health = { kind: "unknown" };
  heard: Heard | undefined;
  drained = false;
  /** It has not answered when it was asked. */
  silent = false;
  /** Requests and streams under way. */
  active = 0;
  /** Since the start. */
  readonly counts = { requests: 0, failures: 0 };
  /** When it last got a new user: the one that waits longest is next. */
  lastChosen = 0;
  readonly #whenDown = new Set<() => void>();
  readonly #streams = new Set<() => void>();

  constructor({ name, address, tls, fixed }: BackendOptions) {
    this.name = name;
    this.address = address;
    this.tls = tls;
    this.fixed = fixed;
    this.mark = markOf(name);
    this.agent = new UpstreamAgent(address, tls);
  }

  /** `host:port`. */
  get at(): string {
    return formatAddress(this.address);
  }

  /** Where it stands, and why it is not fit. */
  judge(): { rank: Rank; why?: string } {
    const { health, heard } = this;
    if (health.kind === "another") return { rank: "barred", why: health.reason };
    // Until it has said who it is, it may be anybody.
    if (health.kind === "unknown") return { rank: this.fixed ? "down" : "barred", why: "it was not asked yet" };
    if (health.kind === "down") return { rank: "down", why: health.reason };
    if (this.drained) return { rank: "drained", why: "it is drained" };
    if (!health.ready) return { rank: "unfit", why: health.reason ?? "it says that it should get no users" };
    // Its own word is the newer one: the datastore has heard from it at its last check-in.
    const state = health.state ?? heard?.state;
    if (state === "held") return { rank: "unfit", why: "it is held: the datastore does not know what is there" };
    if (health.state === undefined && heard?.state === "catching-up" && heard.behind > MAX_BEHIND)
      return { rank: "unfit", why: `it is ${heard.behind} revisions behind` };
    if (heard?.draining) return { rank: "unfit", why: "it is to get no new users" };
    if (heard?.missing) return { rank: "unfit", why: "the datastore has not heard of it lately" };
    return { rank: "fit" };
  }

  /** Calls it when this one goes down, for a request that can then be made elsewhere; returns the end of that. */
  whenDown(act: () => void): () => void {
    this.#whenDown.add(act);
    return () => this.#whenDown.delete(act);
  }

  /** Calls it when this one has not answered for so long that nothing that waits for it need wait any more; returns the end of that. */
  whenSilentFor(ms: number, act: () => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.silent && act(), ms);
    };
    if (this.silent) wait();
    const forget = this.whenDown(wait);
    return () => {
      clearTimeout(timer);
      forget();
    };
  }

  /** It does not answer: what waits for its answers need not. */
  wentDown(): void {
    this.agent.dropIdle();
    for (const act of [...this.#whenDown]) act();
    this.endStreams();
  }

  /** A stream of events or a WebSocket, which has no end of its own, and how it is ended. Returns that it has. */
  addStream(end: () => void): () => void {
    this.#streams.add(end);
    return () => this.#streams.delete(end);
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Their clients come again, and are sent elsewhere. */
  endStreams(): void {
    for (const end of [...this.#streams]) end();
  }
}
