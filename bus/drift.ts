/** Compares what the replica has at its position with what it should have there, and does what the ladder says about what differs. */
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { CheckInReply, CheckInRequest } from "../schemas/types.ts";
import type { Counters } from "./api.ts";
import type { Follow } from "./follow.ts";
import { climb, GROUND, type Step, stopped } from "./ladder.ts";
import type { Document } from "./out-of-turn.ts";
import { clock } from "./platform/clock.ts";
import { log } from "./platform/log.ts";
import type { Replica } from "./replica/index.ts";
import type { FoundRow } from "./replica/methods.ts";
import { type AsideSummary, countSetAside, recoveryFile } from "./replica/recovery.ts";
import { Resync, type ResyncParts } from "./resync.ts";
import { Returning } from "./returning.ts";

const NO_DIGEST = "0".repeat(32);
const MOST_NAMED = 10;

export type Said = Pick<CheckInRequest, "digests" | "position">;

/** Its counters at the start. */
export const NO_DRIFT = { drifts: 0, rebuilds: 0, repaired: 0 };

export interface DriftParts {
  webserver: string;
  dir: string;
  counters: Counters;
  replica: Replica;
  resync: Pick<Resync, "collection" | "bodies">;
  warn(code: string, message: string | undefined): void;
  /** Reads again what changed after a revision; resolves when nothing is pending. */
  reread(after: number): Promise<void>;
  /** Checks in once more, soon. */
  checkIn(): void;
  collections(): Iterable<string>;
  returning: Returning;
}

/** The parts of a bus that it is about. */
interface BusParts
  extends Omit<ResyncParts, "meet" | "settle" | "done">,
    Pick<DriftParts, "dir" | "counters" | "warn" | "checkIn"> {
  follow(): Follow;
  /** Rows are others than before; these documents were found to be deleted. */
  reload(gone: readonly Document[]): Promise<void>;
}

export function openDrift({ follow, reload, ...parts }: BusParts): Drift {
  const resync = new Resync({
    ...parts,
    meet: (epochs, head) => follow().meet(epochs, head),
    settle: () => follow().forget(),
    done: reload,
  });
  return new Drift({
    ...parts,
    resync,
    returning: new Returning(resync),
    reread: (after) => follow().reread(after),
    collections: () => parts.schemas.collections.keys(),
  });
}

export class Drift {
  readonly #parts: DriftParts;
  readonly returning: Returning;
  #ladder = GROUND;
  /** Where the digests last agreed; 0: not since the start. */
  #agreedAt = 0;
  #busy = false;
  /** What was said before the last step says nothing of what it did. */
  readonly #since = new WeakMap<object, number>();
  #steps = 0;
  /** Damaged also in the datastore: they are not fetched again and again. */
  readonly #hopeless = new Set<string>();

  constructor(parts: DriftParts) {
    this.#parts = parts;
    this.returning = parts.returning;
    this.#listAside();
  }

  /** For a check-in; empty while they would say nothing. */
  async digests(): Promise<Record<string, string>> {
    return this.returning.pending ? {} : await this.#parts.replica.call("digests", { fresh: false });
  }

  /** A check-in is about to be sent. */
  said<T extends Said>(said: T): T {
    this.#since.set(said, this.#steps);
    return said;
  }

  /** A check-in was answered. */
  heard({ digests: expected }: Pick<CheckInReply, "digests">, said: Said): void {
    if (this.#busy) return;
    const known = expected && said.position && Object.keys(said.digests).length > 0 && this.#since.get(said) === this.#steps;
    const differing = known ? differences(expected, said.digests) : undefined;
    if (differing?.length === 0) this.#agreedAt = said.position?.cursor ?? 0;
    const step = differing && this.#climb(differing);
    void this.#while(async () => {
      if (step) await this.#take(step, differing ?? []);
      else await this.#lookAtBodies();
    }).then(() => {
      if (!step) return;
      this.#steps++;
      if (step.rung !== "stop") this.#parts.checkIn();
    });
  }

  /** Says which rows were set aside. */
  #listAside(): void {
    const { dir, warn } = this.#parts;
    let found: AsideSummary;
    try {
      found = countSetAside(dir, MOST_NAMED);
    } catch (error) {
      const why = (error as Error).message;
      warn(
        "ROWS_SET_ASIDE",
        `Rows were set aside in ${recoveryFile(dir)}, which can't be read: ${why}. Look at it, and move it away.`,
      );
      return;
    }
    const { count, rows } = found;
    const message = `${count} rows that the datastore does not have were set aside in ${recoveryFile(dir)}: ${named(rows.map(keyOf), count)}. Look at them, write again what is wanted, and move the file away.`;
    warn("ROWS_SET_ASIDE", count > 0 ? message : undefined);
  }

  #climb(differing: readonly string[]): Step | undefined {
    const { warn } = this.#parts;
    const { ladder, step } = climb(this.#ladder, differing, clock.monotonic());
    this.#ladder = ladder;
    const names = stopped(ladder);
    warn(
      "DIVERGED",
      names.length > 0
        ? `The replica differs from the datastore in ${names.join(", ")}, also after it was read and compared anew. It is served as it is, and nothing was deleted. Compare with another webserver; to begin anew, stop this one and move users.db and webstore.db away.`
        : undefined,
    );
    return step;
  }

  async #take({ rung, collections }: Step, differing: readonly string[]): Promise<void> {
    const { webserver, counters, replica, reread, collections: all } = this.#parts;
    log.error({ webserver, rung, collections, differing }, "the replica differs from the datastore");
    counters.drifts++;
    if (rung === "catch-up" && this.#agreedAt > 0) await reread(this.#agreedAt);
    if (rung === "resync") await this.#resync(collections);
    if (rung === "rebuild") {
      counters.rebuilds++;
      await replica.call("remake", undefined);
      await reread(0);
      await this.#resync([...all()]);
    }
  }

  async #resync(collections: readonly string[]): Promise<void> {
    const { counters, resync, reread } = this.#parts;
    for (const collection of collections) {
      counters.resyncs++;
      try {
        const { aside } = await resync.collection(collection, { aside: true });
        if (aside.length > 0) this.#listAside();
      } catch (error) {
        if (!(error instanceof FrontsyncError) || error.code !== "UNKNOWN_CALL") throw error;
        // An older datastore has no lists: what was lost is read again, and what is too much stays.
        await reread(0);
        return;
      }
    }
  }

  async #lookAtBodies(): Promise<void> {
    const { replica, resync, warn, counters } = this.#parts;
    const found = (await replica.call("damaged", undefined)).filter((row) => !this.#hopeless.has(keyOf(row)));
    if (found.length === 0) return;
    counters.repaired += found.length;
    const unfit = new Set(await resync.bodies(found));
    for (const row of found) if (unfit.has(`${row.collection}/${row.id}`)) this.#hopeless.add(keyOf(row));
    const rows = [...this.#hopeless];
    const message = `${rows.length} documents are not what their hashes say, neither here nor in the datastore: ${named(rows, rows.length)}. Write them again, or bring back an older version.`;
    warn("BODY_DAMAGED", rows.length > 0 ? message : undefined);
  }

  async #while(work: () => Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await work();
    } catch (thrown) {
      const { code, message } = asFrontsyncError(thrown);
      log.warn({ webserver: this.#parts.webserver, code, reason: message }, "what differs could not be brought right yet");
    } finally {
      this.#busy = false;
    }
  }
}

function differences(expected: Readonly<Record<string, string>>, given: Readonly<Record<string, string>>): string[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(given)]);
  return [...names].filter((name) => (expected[name] ?? NO_DIGEST) !== (given[name] ?? NO_DIGEST));
}

function keyOf({ collection, id, revision }: Pick<FoundRow, "collection" | "id" | "revision">): string {
  return `${collection}/${id} (revision ${revision})`;
}

function named(rows: readonly string[], count: number): string {
  return rows.slice(0, MOST_NAMED).join(", ") + (count > MOST_NAMED ? `, … (${count - MOST_NAMED} more)` : "");
}
