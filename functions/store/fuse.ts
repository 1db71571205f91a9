/** `_meta.fuse.<collection>`: how many deletions there were within the last minute, over all handlers. Every deletion takes its place there by
 *  a conditional write before it is done, so that the handlers can't let too many through together; those that come at once share one write. */
import { clock } from "../../bus/platform/clock.ts";
import { RecentMap } from "../../bus/platform/recent-map.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { FuseState, Warning } from "../../schemas/types.ts";
import { OwnDocument } from "./own-document.ts";

export interface FuseLimits {
  /** Of the documents that there are. */
  share: number;
  /** At least so many are let through. */
  documents: number;
}

export const DEFAULT_LIMITS: FuseLimits = { share: 0.2, documents: 20 };
const WINDOW_S = 60;
const TRIES = 50;
/** What is heard is read again after so long, before anything is held on it; the same for a collection's size. */
const HEARSAY_MS = 1000;
/** Documents whose deletion was let through: it may be asked again. */
const MAX_GRANTED = 20_000;

/** closed: deletions are let through. open: they are held. letting go: an admin has closed it, and what it held is not done yet. */
export type Stage = "closed" | "open" | "letting go";
/** has one: it was let through within the minute. look again: an admin has closed the fuse, so that this deletion may be decided by now. */
export type Place = "taken" | "has one" | "look again";

interface Waiting {
  stage: Stage;
  resolve(place: "taken" | "look again" | undefined): void;
  reject(error: unknown): void;
}

export class Fuse {
  readonly #connection: Connection;
  readonly #collection: string;
  readonly #limits: FuseLimits;
  readonly document: OwnDocument<"fuse">;
  readonly #granted = new RecentMap<string, number>(MAX_GRANTED);
  #waiting: Waiting[] = [];
  #taking = false;
  #refunds = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #size: { count: number; at: number } | undefined;

  constructor(connection: Connection, schemas: Schemas, collection: string, limits: FuseLimits) {
    this.#connection = connection;
    this.#collection = collection;
    this.#limits = limits;
    this.document = new OwnDocument(connection, schemas, "fuse", `fuse.${collection}`);
  }

  /** As far as this handler has heard. */
  async stage(): Promise<Stage> {
    return stageOf((await this.document.known()).value);
  }

  /** Whether a document may be deleted now: with a place taken for it, or, when it was asked for within the minute, with the one that it has.
   *  `stage`: before the caller looked whether it is held. undefined: the fuse is open. */
  async take(id: string, stage: Stage): Promise<Place | undefined> {
    if (clock.monotonic() - (this.#granted.get(id) ?? Number.NEGATIVE_INFINITY) < WINDOW_S * 1000) return "has one";
    const place = await new Promise<"taken" | "look again" | undefined>((resolve, reject) => {
      this.#waiting.push({ stage, resolve, reject });
      if (!this.#taking) void this.#takeAll();
    });
    if (place === "taken") this.#granted.set(id, clock.monotonic());
    return place;
  }

  /** The place that was taken: the document was not deleted after all. */
  giveBack(id: string): void {
    this.#granted.set(id, Number.NEGATIVE_INFINITY);
    this.#refunds++;
  }

  warning(): Warning | undefined {
    const { openedAt, deleted, size } = this.document.heard?.value ?? {};
    if (openedAt === undefined) return undefined;
    const what = `${this.#collection}: ${deleted} of ${size} documents were deleted within a minute. Since ${openedAt} further deletions are held`;
    const todo = `Look at them by \`frontsync fuse ls\`; \`frontsync fuse close ${this.#collection}\` lets them go, with --discard they are not done.`;
    return { code: "FUSE_OPEN", message: `${what}. ${todo}` };
  }

  async #takeAll(): Promise<void> {
    this.#taking = true;
    while (this.#waiting.length > 0) {
      const all = this.#waiting.splice(0);
      try {
        await this.#takeMany(all);
      } catch (error) {
        for (const { reject } of all) reject(error);
      }
    }
    this.#taking = false;
  }

  /** Answers all of them. When not all may be done, the fuse is open from here on. */
  async #takeMany(waiting: readonly Waiting[]): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { value, revision } = attempt > 0 ? await this.#read() : await this.document.known();
      const stage = stageOf(value);
      if (stage === "open") {
        if (clock.monotonic() - this.#readAt < HEARSAY_MS) return answer(waiting, undefined);
        continue;
      }
      const asking = waiting.filter((one) => one.stage === stage);
      const wanted = asking.length;
      if (wanted === 0) return answer(waiting, "look again");
      const now = Math.floor(clock.now() / 1000);
      const refunds = this.#refunds;
      const taken = refunded(recent(value?.taken ?? [], now), refunds);
      const before = taken.reduce((sum, { count }) => sum + count, 0);
      // Few need no look at how many there are.
      const free = before + wanted <= this.#limits.documents ? wanted : (await this.#most()) - before;
      const granted = Math.max(0, Math.min(wanted, free));
      const next: FuseState = {
        taken: granted > 0 ? withMore(taken, now, granted) : taken,
        ...(value?.discards && { discards: true }),
        ...(value?.letsGo && { letsGo: true }),
        ...(granted < wanted && {
          openedAt: new Date(clock.now()).toISOString(),
          deleted: before + granted,
          size: this.#size?.count ?? 0,
        }),
      };
      if (!(await this.document.write(next, revision))) continue;
      this.#refunds -= refunds;
      answer(asking.slice(0, granted), "taken");
      answer(asking.slice(granted), undefined);
      return answer(waiting, "look again");
    }
    throw new FrontsyncError("TIMEOUT", `Too many delete from ${this.#collection} at once. Try again.`);
  }

  async #read() {
    const own = await this.document.read();
    this.#readAt = clock.monotonic();
    return own;
  }

  /** How many may be deleted within the minute, those before included. */
  async #most(): Promise<number> {
    const { share, documents } = this.#limits;
    if (!this.#size || clock.monotonic() - this.#size.at > HEARSAY_MS)
      this.#size = { count: await this.#counted(), at: clock.monotonic() };
    return Math.max(documents, Math.floor(share * this.#size.count));
  }

  /** The documents that there are, and those that were deleted within the minute. */
  async #counted(): Promise<number> {
    const since = clock.now() - WINDOW_S * 1000;
    const all = { stream: STREAM, subjects: storeSubjects(this.#collection), headersOnly: true };
    const counted = await readLatest(this.#connection, all, ({ deleted, envelope }) =>
      !deleted || (envelope && Date.parse(envelope.at) > since) ? true : undefined,
    );
    return counted.size;
  }
}

function stageOf(state: FuseState | undefined): Stage {
  if (state?.openedAt !== undefined) return "open";
  return state?.letsGo ? "letting go" : "closed";
}

/** Those that have no answer yet: the first one counts. */
function answer(waiting: readonly Waiting[], place: "taken" | "look again" | undefined): void {
  for (const { resolve } of waiting) resolve(place);
}

/** Those within the minute. Another handler's clock may be ahead: what is of the future is of now. */
function recent(taken: FuseState["taken"], now: number): FuseState["taken"] {
  const seconds = new Map<number, number>();
  for (const { at, count } of taken) {
    const second = Math.min(at, now);
    if (at > now - WINDOW_S) seconds.set(second, (seconds.get(second) ?? 0) + count);
  }
  return [...seconds].map(([at, count]) => ({ at, count })).sort((a, b) => a.at - b.at);
}

function withMore(taken: FuseState["taken"], at: number, count: number): FuseState["taken"] {
  const last = taken.at(-1);
  if (last?.at === at) return [...taken.slice(0, -1), { at, count: last.count + count }];
  return [...taken, { at, count }];
}

/** The latest first: those that were given back are new. */
function refunded(taken: FuseState["taken"], refunds: number): FuseState["taken"] {
  let left = refunds;
  return taken
    .toReversed()
    .map(({ at, count }) => {
      const back = Math.min(left, count);
      left -= back;
      return { at, count: count - back };
    })
    .reverse();
}
