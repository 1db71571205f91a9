/** Conditional writes, one by one or, where each would wait for its own fsync and many wait, in atomic batches: a batch costs about 4 ms
 *  whatever its size. */
import { clock } from "../../bus/platform/clock.ts";
import { randomId } from "../../bus/platform/random.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { type StoreWrite, storeBatch, storeOne } from "../../bus/wire/stream.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

/** Single writes under way: beyond this many, batches pay; where they never do, so many. */
const MAX_SINGLES = { batching: 8, alone: 500 };
const MAX_BATCHES = 2;
const MAX_BATCH_MESSAGES = 200;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
/** How long batches are left alone after the server refused one for want of room, ms. */
const BATCH_PAUSE_MS = 10_000;

interface Waiting {
  write: StoreWrite;
  resolve(outcome: number | "conflict"): void;
  reject(error: unknown): void;
}

export class GroupCommit {
  readonly #connection: Connection;
  readonly #isStale: (write: StoreWrite) => boolean;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #singles = 0;
  #batches = 0;
  #scheduled = false;
  #noBatchesUntil = 0;

  /** `isStale`: whether it is known that a write's expectation can't hold any more: it would refuse its whole batch, and is not sent. */
  constructor(connection: Connection, isStale: (write: StoreWrite) => boolean) {
    this.#connection = connection;
    this.#isStale = isStale;
  }

  /** For servers before 2.12, which know no batches, and where a write is acknowledged before its fsync: batches are slower there. */
  disableBatches(): void {
    this.#noBatchesUntil = Number.POSITIVE_INFINITY;
  }

  /** The new revision, or "conflict". Throws TIMEOUT when the outcome is not known; DATASTORE_UNREACHABLE when too much waits. */
  write(write: StoreWrite): Promise<number | "conflict"> {
    return new Promise((resolve, reject) => {
      const item = { write, resolve, reject };
      // Its expectation is of more than its subject, and a batch can't say that twice.
      if (write.guard !== undefined) return void this.#single(item);
      // A lone write goes at once. What comes while others are under way goes together, in one packet.
      if (this.#waiting.length === 0 && this.#batches === 0 && this.#singles === 0) return void this.#single(item);
      if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES) {
        return reject(
          new FrontsyncError(
            "DATASTORE_UNREACHABLE",
            `The datastore is overloaded: ${this.#waiting.length} writes wait. Try again.`,
          ),
        );
      }
      this.#waiting.push(item);
      this.#waitingBytes += write.body.length;
      this.#schedule();
    });
  }

  /** After what arrived together: so that it is committed together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const batching = clock.monotonic() >= this.#noBatchesUntil;
    while (this.#waiting.length > 0) {
      const few = this.#waiting.length + this.#singles <= MAX_SINGLES.batching && this.#batches === 0;
      if (few || !batching) {
        const room = (batching ? MAX_SINGLES.batching : MAX_SINGLES.alone) - this.#singles;
        if (room <= 0) return;
        for (const item of this.#waiting.splice(0, room)) {
          this.#waitingBytes -= item.write.body.length;
          void this.#single(item);
        }
      } else if (this.#batches < MAX_BATCHES) {
        const items = this.#takeBatch();
        if (items.length > 0) void this.#batch(items);
      } else return;
    }
  }

  /** The next writes for one batch: at most one for each subject, since a batch's expectations are of before the batch. */
  #takeBatch(): Waiting[] {
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    const subjects = new Set<string>();
    let bytes = 0;
    for (const item of this.#waiting) {
      const { subject, body } = item.write;
      const fits = taken.length < MAX_BATCH_MESSAGES && (taken.length === 0 || bytes + body.length <= MAX_BATCH_BYTES);
      if (!fits || subjects.has(subject)) left.push(item);
      else if (this.#isStale(item.write)) {
        this.#waitingBytes -= body.length;
        item.resolve("conflict");
      } else {
        taken.push(item);
        subjects.add(subject);
        bytes += body.length;
      }
    }
    this.#waiting = left;
    this.#waitingBytes -= bytes;
    return taken;
  }

  async #single({ write, resolve, reject }: Waiting): Promise<void> {
    this.#singles++;
    try {
      const outcome = await storeOne(this.#connection, write);
      if (outcome === "batches-refused") throw new FrontsyncError("INTERNAL", "JetStream refused a single write as a batch.");
      resolve(outcome);
    } catch (error) {
      reject(error);
    } finally {
      this.#singles--;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }

  async #batch(items: Waiting[]): Promise<void> {
    if (items.length === 1) return this.#single(items[0] as Waiting);
    this.#batches++;
    try {
      const outcome = await storeBatch(
        this.#connection,
        randomId(),
        items.map(({ write }) => write),
      );
      if (typeof outcome === "object") {
        for (const [index, item] of items.entries()) item.resolve(outcome[index] as number);
        return;
      }
      // One expectation that fails refuses all of them: each for itself, then.
      if (outcome === "batches-refused") this.#noBatchesUntil = clock.monotonic() + BATCH_PAUSE_MS;
      await Promise.all(items.map((item) => this.#single(item)));
    } catch (error) {
      for (const item of items) item.reject(error);
    } finally {
      this.#batches--;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}
