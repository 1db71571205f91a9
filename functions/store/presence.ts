/** Who is there: the last check-in of every webserver, shared by all handlers through a small stream in memory. */
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { ensureStream } from "../../bus/wire/stream.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Claim, HeldWebserver, Peer, Presence as Seen, Vitals } from "../../schemas/types.ts";

const STREAM = "frontsync_presence";
/** Before a webserver's id: the subject of its last check-in. */
export const PRESENCE = "ds.presence";
const MAX_WEBSERVERS = 10_000;
const HOUR_NS = 3600e9;
/** A webserver is gone after this many missed check-ins and a second of grace. */
const MISSED = 3;
const GRACE_MS = 1000;

export class Presence {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #seen = new Map<string, Seen>();

  constructor(connection: Connection, schemas: Schemas) {
    this.#connection = connection;
    this.#schemas = schemas;
  }

  start(): void {
    this.#connection.subscribe(`${PRESENCE}.*`, (message) => this.#note(this.#schemas.read("presence", message.data)));
  }

  /** What other handlers were told before this one was there. */
  async connected(): Promise<void> {
    try {
      await ensureStream(this.#connection, "The list of webservers can't be kept", {
        name: STREAM,
        subjects: [`${PRESENCE}.*`],
        storage: "memory",
        retention: "limits",
        discard: "old",
        max_msgs_per_subject: 1,
        max_msgs: MAX_WEBSERVERS,
        max_age: HOUR_NS,
        num_replicas: 1,
      });
      for await (const versions of readAll(this.#connection, { stream: STREAM, subjects: `${PRESENCE}.*` }))
        for (const { body } of versions) this.#note(this.#schemas.read("presence", body));
    } catch (error) {
      // Every webserver says it again at its next check-in.
      log.warn({ err: error }, "the list of webservers could not be read");
    }
  }

  tell(seen: Seen): void {
    const { claim } = this.#seen.get(seen.webserver) ?? {};
    this.#say(seen.state === "held" && claim ? { ...seen, claim } : seen);
  }

  #say(seen: Seen): void {
    this.#note(seen);
    this.#connection.publish(`${PRESENCE}.${seen.webserver}`, JSON.stringify(seen));
  }

  /** A held webserver has said what it has. It stays said while it is held. */
  claims(webserver: string, claim: Claim): void {
    const seen = this.#seen.get(webserver);
    if (seen) this.#say({ ...seen, state: "held", claim });
  }

  /** So many of its documents have been taken. */
  offered(webserver: string, offered: number): void {
    const { claim } = this.#seen.get(webserver) ?? {};
    if (claim) this.claims(webserver, { ...claim, offered });
  }

  /** The live webservers that are held, and what they have. */
  held(): HeldWebserver[] {
    const now = clock.now();
    return [...this.#seen.values()].flatMap(({ webserver, state, claim, ...seen }) =>
      state === "held" && claim && !isGone(seen, now) ? [{ webserver, claim }] : [],
    );
  }

  /** The live webservers but the one that asks; observers are left out. */
  peersOf(webserver: string): Peer[] {
    const now = clock.now();
    const peers: Peer[] = [];
    for (const [name, seen] of this.#seen) {
      const seenMsAgo = Math.max(0, now - seen.at);
      if (isGone(seen, now)) this.#seen.delete(name);
      else if (name !== webserver && seen.externalAddr !== undefined) {
        const { externalAddr, version, cursor, state } = seen;
        peers.push({ webserver: name, externalAddr, version, cursor, state, seenMsAgo });
      }
    }
    return peers.sort((a, b) => (a.webserver < b.webserver ? -1 : 1));
  }

  /** How those peers do, as far as it is known. */
  vitalsOf(peers: readonly Peer[]): Record<string, Vitals> {
    const told = peers.flatMap(({ webserver }) => {
      const seen = this.#seen.get(webserver);
      return seen ? [[webserver, { ...seen.vitals, pending: seen.pending }] as const] : [];
    });
    return Object.fromEntries(told);
  }

  get size(): number {
    return this.#seen.size;
  }

  #note(seen: Seen): void {
    const known = this.#seen.get(seen.webserver);
    if (known && known.at > seen.at) return;
    if (!known && this.#seen.size >= MAX_WEBSERVERS) return;
    this.#seen.set(seen.webserver, seen);
  }
}

function isGone({ at, intervalMs }: Pick<Seen, "at" | "intervalMs">, now: number): boolean {
  return now - at > MISSED * intervalMs + GRACE_MS;
}
