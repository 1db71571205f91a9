/** The searches that run on this webserver, and the results that it holds. What anybody may see or do with one is decided by its document. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  asFrontsyncError,
  type Bus,
  clock,
  FrontsyncError,
  log,
  type Result,
  randomId,
  type Scope,
  type Written,
} from "../../../bus/index.ts";
import { parseQuery } from "./query.ts";
import { type Asked, logFiles, scan } from "./scan.ts";
import type { ResultStore, ResultWriter } from "./store.ts";

const COLLECTION = "results";
const MAX_RUNNING = 4;
const MAX_WAITING = 100;
/** Of one user. */
const MAX_OF_USER = 10;
const HOUR_MS = 3_600_000;
const LOOK_MS = 60_000;
const READ_AGAIN_MS = 1000;
/** A search in the foreground at which nobody has looked for so long is stopped. */
const UNWATCHED_MS = 5 * 60_000;
const PAGE = 1000;

export interface SearchRequest {
  query: string;
  from?: string;
  to?: string;
  background?: boolean;
  saved?: boolean;
  name?: string;
  readers?: Result["readers"];
}

export interface SearchOptions {
  /** The folder of logs; undefined: this webserver does not search. */
  logs: string | undefined;
  webserver: string;
  /** Of one result, bytes. */
  maxBytes: number;
  /** Results that nobody saved are deleted after so many hours. */
  keepHours: number;
}

/** How far a search is. */
export interface Progress {
  state: Result["state"];
  lines: number;
  bytes: number;
  /** Of the logs: read, and all that there are. */
  scanned: number;
  total: number;
}

interface Run extends Progress {
  readonly uid: number;
  readonly stop: AbortController;
  readonly background: boolean;
  lookedAt: number;
  deleted: boolean;
  ended: Promise<void>;
}

export class Searches {
  readonly #bus: Bus;
  readonly #store: ResultStore;
  readonly #options: SearchOptions;
  readonly #runs = new Map<string, Run>();
  readonly #turns: (() => void)[] = [];
  readonly #closing = new AbortController();
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, store: ResultStore, options: SearchOptions) {
    this.#bus = bus;
    this.#store = store;
    this.#options = options;
  }

  start(): void {
    void this.#follow();
    const look = () => void this.#look().catch((error: unknown) => this.#warn(error));
    this.#timer = setInterval(look, LOOK_MS);
    this.#timer.unref();
    look();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const run of this.#runs.values()) run.stop.abort();
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
    this.#closing.abort();
  }

  /** Begins a search for a user, and writes it into their history. Throws BAD_MESSAGE for a query that can't be read,
   *  TOO_MANY_REQUESTS, DISK_FULL, and what a put throws. */
  async begin(scope: Scope, uid: number, request: SearchRequest): Promise<Written> {
    const { logs, webserver } = this.#options;
    if (logs === undefined)
      throw new FrontsyncError("NOT_FOUND", "This webserver has no logs to search: start it with a folder of logs.");
    if (this.#runs.size >= MAX_RUNNING + MAX_WAITING)
      throw new FrontsyncError("TOO_MANY_REQUESTS", `${this.#runs.size} searches run or wait already. Try again later.`);
    if ([...this.#runs.values()].filter((run) => run.uid === uid).length >= MAX_OF_USER)
      throw new FrontsyncError(
        "TOO_MANY_REQUESTS",
        `${MAX_OF_USER} of your searches run or wait already. Stop one, or try again later.`,
      );
    this.#store.checkRoom(1);
    const { query, from, to, background = false, saved = false, name } = request;
    const asked = { matches: parseQuery(query), from: asTime(from, "/from"), to: asTime(to, "/to") };
    const id = randomId();
    // From now on it counts, and hears when it is stopped or deleted: its document is seen by others before this one has its answer.
    const run = this.#add(id, { background, uid });
    let stored: Written | undefined;
    try {
      const readers = request.readers ?? (await this.#usualReaders(uid));
      const doc = {
        ...{ id, webserver, query, state: "running" as const, background, saved, ownerId: uid },
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(name !== undefined && { name }),
        ...(readers !== undefined && { readers }),
      };
      stored = await scope.collection(COLLECTION).put(doc, { ifRevision: 0 });
      const launched = new Date(clock.now()).toISOString();
      const groups = readers?.groups;
      await scope
        .collection("searches")
        .put({ uid, userQuery: query, effectiveQuery: query, launched, webserver, search: id, ...(groups && { groups }) });
    } catch (error) {
      if (stored) await this.#end(id, run, error);
      else this.#runs.delete(id);
      throw error;
    }
    this.#run(id, run, logs, asked);
    return stored;
  }

  /** The group that a user shares searches with, unless they say something else. */
  async #usualReaders(uid: number): Promise<Result["readers"]> {
    const { groups = [], defaultGroup } = (await this.#bus.collection("users").get(String(uid)))?.doc ?? {};
    return defaultGroup !== undefined && groups.includes(defaultGroup) ? { groups: [defaultGroup] } : undefined;
  }

  /** Of a search of this webserver; what is not running any more is as its document says. */
  progressOf(id: string, doc: Result): Progress {
    const run = this.#runs.get(id);
    if (run) run.lookedAt = clock.monotonic();
    const { state, lines, bytes, scanned, total } = run ?? {
      ...{ state: doc.state, lines: doc.lines ?? 0, bytes: doc.bytes ?? 0, scanned: 0, total: 0 },
    };
    return { state, lines, bytes, scanned, total };
  }

  #add(id: string, of: Pick<Run, "background" | "uid">): Run {
    const run: Run = {
      ...{ state: "running", lines: 0, bytes: 0, scanned: 0, total: 0, stop: new AbortController(), ...of },
      ...{ lookedAt: clock.monotonic(), deleted: false, ended: Promise.resolve() },
    };
    this.#runs.set(id, run);
    return run;
  }

  #run(id: string, run: Run, logs: string, asked: Asked): void {
    const work = async () => {
      const writer = await this.#store.begin(id, this.#options.maxBytes);
      try {
        await this.#turn(run.stop.signal);
        await this.#search(logs, asked, run, writer).finally(() => this.#pass());
      } finally {
        await writer.end();
      }
    };
    run.ended = Promise.resolve().then(async () => {
      const fault = await work().then(
        () => undefined,
        (error: unknown) => error,
      );
      await this.#end(id, run, fault);
    });
  }

  /** Some run, the others wait. */
  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < MAX_RUNNING) {
      this.#running++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", stopped);
        resolve();
      };
      const stopped = () => {
        this.#turns.splice(this.#turns.indexOf(turn), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", stopped, { once: true });
      this.#turns.push(turn);
    });
  }

  /** The turn goes to the next one, if there is one. */
  #pass(): void {
    const next = this.#turns.shift();
    if (next) next();
    else this.#running--;
  }

  async #search(logs: string, asked: Asked, run: Run, writer: ResultWriter): Promise<void> {
    const { signal } = run.stop;
    const files = await logFiles(logs);
    run.total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const file of files) {
      for await (const { found, bytes } of scan(file, asked, signal)) {
        run.scanned += bytes;
        const room = await writer.write(found);
        run.lines = writer.lines;
        run.bytes = writer.bytes;
        if (!room) throw new Full();
        signal.throwIfAborted();
      }
    }
  }

  async #end(id: string, run: Run, thrown: unknown): Promise<void> {
    const stopped = run.stop.signal.aborted;
    const truncated = thrown instanceof Full;
    run.state = stopped ? "stopped" : thrown && !truncated ? "failed" : "done";
    const fault = run.state === "failed" ? asFrontsyncError(thrown) : undefined;
    if (fault) log.warn({ err: thrown, search: id }, "a search failed");
    const { state, lines, bytes } = run;
    const changed = {
      ...{ state, lines, bytes, endedAt: new Date(clock.now()).toISOString() },
      ...(truncated && { truncated }),
      ...(fault && { fault: fault.message.slice(0, 1000) }),
    };
    try {
      await this.#bus.collection(COLLECTION).patch(id, changed);
    } catch (error) {
      if (error instanceof FrontsyncError && error.code === "NOT_FOUND") run.deleted = true;
      else this.#warn(error);
    }
    this.#runs.delete(id);
    // As long as it was among those that run, nobody else took its lines away.
    if (run.deleted) await this.#store.remove(id).catch((error: unknown) => this.#warn(error));
  }

  /** What others ask of results that are here: to stop one, or to delete it; also what they asked while this webserver was away. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    // From 0 on it would be told of documents that are there, and not of those that were deleted.
    const since = 1;
    while (!signal.aborted) {
      try {
        for await (const { id, op, doc } of this.#bus.collection(COLLECTION).changes({ since, signal })) {
          const run = this.#runs.get(id);
          if (run && op === "delete") run.deleted = true;
          if (op === "delete" || doc?.stop === true) run?.stop.abort();
          if (op === "delete" && !run && this.#store.holds(id)) await this.#store.remove(id);
        }
      } catch (error) {
        if (error instanceof FrontsyncError && error.code === "CLOSED") return;
        this.#warn(error);
      }
      await sleep(READ_AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Now and then: searches that nobody watches, results that are old, and those of a process before this one. */
  async #look(): Promise<void> {
    if (this.#runs.size === 0) await this.#store.measure();
    for (const run of this.#runs.values())
      if (!run.background && clock.monotonic() - run.lookedAt > UNWATCHED_MS) run.stop.abort();
    const results = this.#bus.collection(COLLECTION);
    const old = clock.now() - this.#options.keepHours * HOUR_MS;
    let after: string | undefined;
    do {
      const where = { webserver: this.#options.webserver };
      const { items, next } = await results.list({ where, limit: PAGE, ...(after !== undefined && { after }) });
      for (const { id, doc } of items) {
        if (this.#runs.has(id)) continue;
        if (doc.state === "running")
          await results.patch(id, { state: "failed", fault: "Its webserver was stopped while it ran." });
        else if (!doc.saved && Date.parse(doc.updatedAt ?? "") < old) await results.delete(id);
      }
      after = next;
    } while (after !== undefined);
  }

  #warn(error: unknown): void {
    // The bus ends while they are read: no fault.
    if (!this.#closing.signal.aborted) log.warn({ err: error }, "the results of searches could not be looked after");
  }
}

/** A result holds no more. */
class Full extends Error {}

function asTime(text: unknown, path: string): number | undefined {
  if (text === undefined) return undefined;
  const time = typeof text === "string" ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new FrontsyncError("BAD_MESSAGE", "A time is written as in RFC 3339: 2026-01-31T12:00:00Z.", { path });
}
