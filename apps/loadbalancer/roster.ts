/** The webservers that there are: those of the configuration, and those that the datastore tells of. It asks each of them how it does. */
import { type Bus, clock, log, type Peer } from "../../bus/index.ts";
import { parseExternal } from "./address.ts";
import { Backend, type BackendOptions, type Health, type Rank } from "./backend.ts";
import type { KeptList, Listed } from "./kept-list.ts";
import type { FixedWebserver, LoadbalancerOptions } from "./options.ts";
import { Probe } from "./probe.ts";
import type { UpstreamTls } from "./upstream-agent.ts";

/** A webserver gets users again, or gets none any more. */
export interface RosterEvent {
  event: "joined" | "left";
  webserver: string;
  at: string;
  why?: string;
}

export interface RosterOptions {
  fixed: readonly FixedWebserver[];
  /** Of webservers that the datastore tells of; undefined: plain HTTP. */
  tls: UpstreamTls | undefined;
  /** This balancer, in Via. */
  via: string;
  onEvent: NonNullable<LoadbalancerOptions["onEvent"]>;
}

/** A webserver is heard of again only at its next check-in after the datastore was restarted, ms. */
const MISSING_MS = 45_000;
/** One of which the datastore has not heard for so long is no webserver any more, ms. */
const FORGOTTEN_MS = 3600_000;
/** Streams of a webserver that is drained are ended after so long, ms: whoever holds one comes again, and is sent elsewhere. */
const DRAIN_STREAMS_MS = 10_000;
const MAX_WEBSERVERS = 10_000;

interface Entry {
  backend: Backend;
  probe: Probe;
  rank: Rank;
  /** As the datastore says it; undefined: it is fixed. */
  externalAddr: string | undefined;
  missingSince: number | undefined;
  ending: NodeJS.Timeout | undefined;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #entries = new Map<string, Entry>();
  #drained: ReadonlySet<string> = new Set();
  #closed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
    for (const { name, address, tls } of options.fixed) this.#add({ name, address, tls, fixed: true }, undefined);
  }

  get backends(): Backend[] {
    return [...this.#entries.values()].map(({ backend }) => backend);
  }

  /** Webservers that the list on the disk has. */
  recall(listed: readonly Listed[]): void {
    for (const { webserver, externalAddr } of listed) this.#meet(webserver, externalAddr);
  }

  /** What the datastore says: it is listened to while there is contact. Without it the last list counts. */
  hear({ state, peers, head }: Pick<ReturnType<Bus["status"]>, "state" | "peers" | "head">, kept: KeptList): void {
    if (state === "degraded") return;
    for (const peer of peers) {
      const entry = this.#meet(peer.webserver, peer.externalAddr);
      if (!entry) continue;
      entry.missingSince = undefined;
      const behind = peer.lag ?? Math.max(0, (head ?? 0) - peer.cursor);
      entry.backend.heard = { state: peer.state, behind, draining: peer.draining === true, missing: false };
      this.#look(entry);
    }
    this.#miss(peers);
    kept.write(
      [...this.#entries.values()].flatMap(({ backend, externalAddr }) =>
        externalAddr === undefined ? [] : [{ webserver: backend.name, externalAddr }],
      ),
    );
  }

  /** Those that are to get no users. */
  drain(webservers: ReadonlySet<string>): void {
    this.#drained = webservers;
    for (const entry of this.#entries.values()) {
      entry.backend.drained = webservers.has(entry.backend.name);
      clearTimeout(entry.ending);
      if (entry.backend.drained) entry.ending = setTimeout(() => entry.backend.endStreams(), DRAIN_STREAMS_MS);
      this.#look(entry);
    }
  }

  /** A request has failed: what it found is asked again at once. */
  failed(backend: Backend, why: string): void {
    backend.counts.failures++;
    const entry = this.#entries.get(backend.name);
    if (entry?.backend !== backend) return;
    backend.health = { kind: "down", reason: why };
    this.#look(entry);
    void entry.probe.now();
  }

  /** Asks all of them, and waits for their answers. */
  async askAll(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ probe }) => probe.now()));
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) this.#remove(entry);
  }

  /** The entry of a webserver that the datastore tells of. */
  #meet(name: string, externalAddr: string): Entry | undefined {
    const known = this.#entries.get(name);
    if (known && (known.externalAddr === undefined || known.externalAddr === externalAddr)) return known;
    const { tls } = this.#options;
    const address = parseExternal(externalAddr, tls !== undefined);
    if (!address) {
      log.warn(
        { webserver: name, externalAddr: externalAddr.slice(0, 100) },
        "its External-Addr is no address: it gets no users",
      );
      return undefined;
    }
    if (known) this.#remove(known);
    else if (this.#entries.size >= MAX_WEBSERVERS) return undefined;
    return this.#add({ name, address, tls, fixed: false }, externalAddr);
  }

  #add(about: BackendOptions, externalAddr: string | undefined): Entry {
    const backend = new Backend(about);
    backend.drained = this.#drained.has(about.name);
    const probe = new Probe(backend, this.#options.via, (health) => this.#found(entry, health));
    const entry: Entry = {
      backend,
      probe,
      externalAddr,
      rank: "barred",
      missingSince: undefined,
      ending: undefined,
    };
    this.#entries.set(about.name, entry);
    void probe.now();
    return entry;
  }

  #remove(entry: Entry): void {
    entry.probe.close();
    clearTimeout(entry.ending);
    entry.backend.wentDown();
    this.#entries.delete(entry.backend.name);
    this.#tell(entry, "barred", "it is no webserver any more");
  }

  /** What the datastore does not tell of while it tells of others: its webservers come back one by one after its restart. */
  #miss(peers: readonly Peer[]): void {
    const there = new Set(peers.map(({ webserver }) => webserver));
    const now = clock.monotonic();
    for (const entry of [...this.#entries.values()]) {
      const { backend, externalAddr } = entry;
      if (externalAddr === undefined || there.has(backend.name)) continue;
      entry.missingSince ??= now;
      const missingMs = now - entry.missingSince;
      if (missingMs > FORGOTTEN_MS || (missingMs > MISSING_MS && backend.health.kind !== "answers")) this.#remove(entry);
      else if (backend.heard && missingMs > MISSING_MS) backend.heard = { ...backend.heard, missing: true };
      this.#look(entry);
    }
  }

  /** One request that failed says nothing of those under way; that it does not answer when it is asked does. */
  #found(entry: Entry, health: Health): void {
    const { backend } = entry;
    const down = health.kind === "down";
    backend.health = health;
    const before = backend.silent;
    backend.silent = down;
    if (down && !before) backend.wentDown();
    this.#look(entry);
  }

  #look(entry: Entry): void {
    if (this.#entries.get(entry.backend.name) !== entry) return;
    const { rank, why } = entry.backend.judge();
    this.#tell(entry, rank, why);
  }

  #tell(entry: Entry, rank: Rank, why: string | undefined): void {
    const { rank: before, backend } = entry;
    entry.rank = rank;
    if (this.#closed || rank === before || (rank !== "fit" && before !== "fit")) return;
    const event = rank === "fit" ? "joined" : "left";
    const told: RosterEvent = { event, webserver: backend.name, at: backend.at, ...(why !== undefined && { why }) };
    log[event === "joined" ? "info" : "warn"](told, event === "joined" ? "a webserver gets users" : "a webserver gets no users");
    this.#options.onEvent(told);
  }
}
