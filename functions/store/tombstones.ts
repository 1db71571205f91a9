/** Collects tombstones that nobody waits for any more, so that neither the store nor the replicas grow with what was deleted. In steps: first the
 *  versions before the tombstones go, then the floor is stated (`_gc.<collection>`), on the condition that nobody has stated another one, then the
 *  tombstones up to it go. So whoever reads a document's version and then no tombstone behind it has read while a floor was stated, and can tell.
 *  A step that was interrupted is finished by the next one, in whichever handler; several at once can't harm each other, as each statement is
 *  conditional and a purge takes no version behind the tombstone. */
import { clock } from "../../bus/platform/clock.ts";
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { jittered } from "../../bus/platform/random.ts";
import { headerValue, OPERATION_HEADER } from "../../bus/wire/envelope.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { purgeUpTo, storeOwn } from "../../bus/wire/stream.ts";
import { floorSubject, idOf, parseStoreSubject, STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import { headerText, type StoredVersion } from "../../bus/wire/version.ts";
import type { CollectionSchema, Schemas } from "../../schemas/index.ts";
import type { Floor } from "../../schemas/types.ts";
import { type Listed, type Plan, plan, safeRevision, type TombstoneLimits } from "./collectable.ts";
import { readFloor } from "./floors.ts";
import type { KnownWebservers } from "./known.ts";

/** Tombstones of one step; with them a floor's message stays small. */
const MOST = 500;
/** Steps of one collection in a run; the rest comes with the next one. */
const MAX_STEPS = 100;
/** Purges that are on their way at once. */
const AT_ONCE = 10;
const INTERVAL_MS = { least: 250, most: 3_600_000 };
/** Runs while a limit goes by. */
const RUNS = 10;

export class Tombstones {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #known: KnownWebservers;
  readonly #limits: TombstoneLimits;
  readonly #needed: () => Promise<boolean>;
  readonly #stop = new AbortController();

  /** `needed`: somebody may come who knows of no deletion, and whom the store does not know. */
  constructor(
    connection: Connection,
    schemas: Schemas,
    known: KnownWebservers,
    limits: TombstoneLimits,
    needed: () => Promise<boolean>,
  ) {
    this.#needed = needed;
    this.#connection = connection;
    this.#schemas = schemas;
    this.#known = known;
    this.#limits = limits;
  }

  /** Again and again, until `stop`; of several handlers one at a time. */
  async start(): Promise<void> {
    const { signal } = this.#stop;
    const { awayMs, keepMs } = this.#limits;
    const everyMs = Math.min(INTERVAL_MS.most, Math.max(INTERVAL_MS.least, Math.min(awayMs, keepMs) / RUNS));
    while (!signal.aborted) {
      await pause(jittered(everyMs, 0.2), signal);
      if (signal.aborted || !this.#connection.connected) continue;
      try {
        if ((await this.#known.takeTurn(everyMs / 2)) && !(await this.#needed())) await this.#collectAll();
      } catch (error) {
        log.warn({ err: error }, "tombstones could not be collected");
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #collectAll(): Promise<void> {
    const known = await this.#known.read();
    for (const schema of this.#schemas.collections.values()) {
      for (let step = 0; step < MAX_STEPS && !this.#stop.signal.aborted; step++) {
        const safe = safeRevision(known, clock.now(), this.#limits.awayMs);
        if (!(await this.#step(schema, safe))) break;
      }
    }
  }

  /** False: nothing is left to do now, or another handler does it. */
  async #step(schema: CollectionSchema, safe: number): Promise<boolean> {
    const { collection } = schema;
    // The floor first: whatever is missing in the look was then below it, or somebody states another one, and this step is over.
    const stated = await readFloor(this.#connection, this.#schemas, collection);
    const limits = { safe, now: clock.now(), keepMs: this.#limits.keepMs, most: MOST };
    const planned = plan(await this.#look(collection), stated?.floor ?? 0, limits, numbering(schema));
    // Nothing of an earlier floor may be there when the next one is stated: handlers remember what may be there of one floor only.
    await this.#purge(planned.leftovers);
    if (planned.collect.length === 0) return false;
    if (schema.retention.versions > 1)
      await this.#purge(planned.collect.map(({ subject, revision }) => ({ subject, revision: revision - 1 })));
    const body = JSON.stringify(statement(planned));
    if (typeof (await storeOwn(this.#connection, floorSubject(collection), body, stated?.revision ?? 0)) !== "number")
      return false;
    await this.#purge(planned.collect.filter((one) => one !== planned.kept));
    log.info({ collection, floor: planned.floor, tombstones: planned.collect.length }, "tombstones were collected");
    return planned.collect.length === MOST;
  }

  /** The last version of each document. */
  async #look(collection: string): Promise<Listed[]> {
    const all = { stream: STREAM, subjects: storeSubjects(collection), headersOnly: true };
    return [...(await readLatest(this.#connection, all, listed)).values()];
  }

  /** Takes the versions up to these away. */
  async #purge(versions: readonly Pick<Listed, "subject" | "revision">[]): Promise<void> {
    for (let at = 0; at < versions.length; at += AT_ONCE) {
      const next = versions.slice(at, at + AT_ONCE);
      await Promise.all(next.map(({ subject, revision }) => purgeUpTo(this.#connection, subject, revision)));
    }
  }
}

export function statement({ floor, kept }: Plan): Floor {
  return { floor, ...(kept && kept.revision <= floor && { kept: kept.revision }) };
}

function listed(version: StoredVersion): Listed {
  const { subject, revision, deleted } = version;
  // Of what is not deleted nothing more is asked.
  if (!deleted) return { subject, revision, deleted, foreign: false, at: 0 };
  const text = headerText(version.headers);
  return {
    subject,
    revision,
    deleted,
    foreign: headerValue(text, OPERATION_HEADER) === undefined,
    at: Date.parse(version.envelope?.at ?? "") || 0,
  };
}

/** The number in a document's id, in a collection that allocates them. */
function numbering({ allocates }: CollectionSchema): ((subject: string) => number) | undefined {
  if (allocates === undefined) return undefined;
  return (subject) => Number(idOf(parseStoreSubject(subject).token, "").split("/").at(-1)) || 0;
}
