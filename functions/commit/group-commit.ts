/** Conditional writes, one by one or, where each would wait for its own fsync and many wait, in atomic batches: a batch costs about 4 ms
 *  whatever its size. */
import { ByteBudget } from "../../bus/platform/byte-budget.ts";
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
/** Under way at once: nats-server holds 128 MB that it has not stored yet, of all handlers, and refuses the rest. */
const MAX_BYTES_UNDER_WAY = MAX_BATCHES * MAX_BATCH_BYTES;
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
  readonly #underWay = new ByteBudget(MAX_BYTES_UNDER_WAY);
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
      if (write.guard !== undefined) {
        this.#underWay.takeAnyway(write.body.length);
        return void this.#start([item]);
      }
      // A lone write goes at once. What comes while others are under way goes together, in one packet.
      const alone = this.#waiting.length === 0 && this.#batches === 0 && this.#singles === 0;
      if (alone && this.#underWay.take(write.body.length)) return void this.#start([item]);
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
        const items = this.#takeSingles(room);
        if (items.length === 0) return;
        for (const item of items) void this.#start([item]);
      } else if (this.#batches < MAX_BATCHES) {
        const items = this.#takeBatch();
        if (items.length === 0) return;
        void this.#start(items);
      } else return;
    }
  }

  /** The next writes that go by themselves, at most `room`; none when there is no room for the first one's bytes. */
  #takeSingles(room: number): Waiting[] {
    let count = 0;
    for (const { write } of this.#waiting) {
      if (count >= room || !this.#underWay.take(write.body.length)) break;
      this.#waitingBytes -= write.body.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** The next writes for one batch: at most one for each subject, since a batch's expectations are of before the batch. None when there is no room for
   *  the first one's bytes, or none is left. */
  #takeBatch(): Waiting[] {
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    const subjects = new Set<string>();
    let bytes = 0;
    let full = false;
    for (const item of this.#waiting) {
      const { subject, body } = item.write;
      // What comes behind one that has no room must not take it, again and again.
      full ||= taken.length >= MAX_BATCH_MESSAGES || (taken.length > 0 && bytes + body.length > MAX_BATCH_BYTES);
      if (full || subjects.has(subject)) left.push(item);
      else if (this.#isStale(item.write)) {
        this.#waitingBytes -= body.length;
        item.resolve("conflict");
      } else if (!this.#underWay.take(body.length)) {
        full = true;
        left.push(item);
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

  /** What was taken from the budget. */
  async #start(items: Waiting[]): Promise<void> {
    await (items.length === 1 ? this.#single(items[0] as Waiting) : this.#batch(items));
    for (const { write } of items) this.#underWay.giveBack(write.body.length);
    if (this.#waiting.length > 0) this.#schedule();
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
    }
  }

  async #batch(items: Waiting[]): Promise<void> {
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
    }
  }
}
