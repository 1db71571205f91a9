/** Sends writes: one by one while few are under way, several in one message under load. */
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { BatchResult, WriteReply } from "../schemas/types.ts";
import type { Link } from "./link.ts";
import { asBatch, type WriteRequest } from "./outbox/request.ts";
import { ByteBudget } from "./platform/byte-budget.ts";
import { asError } from "./refusal.ts";

const MAX_SINGLES = 4;
const MAX_BATCHES = 4;
const MAX_BATCH_WRITES = 100;
/** Larger writes go by themselves: a message has an end, and a batch's answer comes when its last write is stored. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** Under way at once. More would only wait elsewhere, in the memory of the datastore, and while it waits there its time runs out. */
const MAX_BYTES_UNDER_WAY = MAX_BATCHES * MAX_BATCH_BYTES;

interface Waiting {
  write: WriteRequest;
  bytes: number;
  timeoutMs: number;
  resolve(reply: WriteReply): void;
  reject(error: unknown): void;
}

export class Sender {
  readonly #link: Link;
  readonly #schemas: Schemas;
  readonly #underWay = new ByteBudget(MAX_BYTES_UNDER_WAY);
  #waiting: Waiting[] = [];
  #singles = 0;
  #batches = 0;
  #scheduled = false;

  constructor(link: Link, schemas: Schemas) {
    this.#link = link;
    this.#schemas = schemas;
  }

  /** Asks the datastore to store one write. `bytes`: about its size. `timeoutMs` runs from when it is its turn. Throws what it is refused with;
   *  DATASTORE_UNREACHABLE when nothing was sent; TIMEOUT when it was, and no answer came. */
  send(write: WriteRequest, bytes: number, timeoutMs: number): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      const item = { write, bytes, timeoutMs, resolve, reject };
      const few = this.#waiting.length === 0 && this.#batches === 0 && this.#singles < MAX_SINGLES;
      if (few && this.#underWay.take(bytes)) void this.#start([item]);
      else {
        this.#waiting.push(item);
        this.#schedule();
      }
    });
  }

  /** After what is written in this turn of the event loop: so that it goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#batches >= MAX_BATCHES) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#batches < MAX_BATCHES) {
        const items = this.#take();
        if (items.length === 0) return;
        void this.#start(items);
      }
    });
  }

  /** The next ones that go together, in order; none when there is no room for the first. */
  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.#waiting) {
      bytes += item.bytes;
      if (count >= MAX_BATCH_WRITES || (count > 0 && bytes > MAX_BATCH_BYTES) || !this.#underWay.take(item.bytes)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** What was taken from the budget. */
  async #start(items: Waiting[]): Promise<void> {
    await (items.length === 1 ? this.#single(items[0] as Waiting) : this.#batch(items));
    for (const { bytes } of items) this.#underWay.giveBack(bytes);
    if (this.#waiting.length > 0) this.#schedule();
  }

  async #single({ write, timeoutMs, resolve, reject }: Waiting): Promise<void> {
    this.#singles++;
    try {
      const { verb, collection, json } = write;
      resolve(this.#schemas.read("write.reply", await this.#link.ask(verb, collection, json, timeoutMs)));
    } catch (error) {
      reject(error);
    } finally {
      this.#singles--;
    }
  }

  async #batch(items: Waiting[]): Promise<void> {
    this.#batches++;
    try {
      const timeoutMs = Math.max(...items.map((item) => item.timeoutMs));
      const batch = asBatch(items.map(({ write }) => write));
      const reply = await this.#link.ask("batch", undefined, batch, timeoutMs);
      const { results } = this.#schemas.read("batch.reply", reply);
      for (const [index, item] of items.entries()) settle(item, results[index]);
    } catch (thrown) {
      const error = asFrontsyncError(thrown);
      // One write that can't even be read must not refuse the others: each by itself, then.
      if (error.code === "BAD_MESSAGE" || error.code === "TOO_LARGE") await Promise.all(items.map((item) => this.#single(item)));
      else for (const item of items) item.reject(error);
    } finally {
      this.#batches--;
    }
  }
}

function settle({ resolve, reject }: Waiting, result: BatchResult | undefined): void {
  if (result?.stored) resolve(result.stored);
  else
    reject(
      result?.refused
        ? asError(result.refused)
        : new FrontsyncError("TIMEOUT", "A batch was answered without a result for this write."),
    );
}
