// Goal: however much is written at once, only so many bytes are under way, from a webserver and from a handler, and the others go in their order.
// Method: a wire that notes what is on it, and answers some turns of the event loop later.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Link } from "../bus/link.ts";
import { ByteBudget } from "../bus/platform/byte-budget.ts";
import { Sender } from "../bus/sender.ts";
import type { Connection } from "../bus/wire/nats.ts";
import type { StoreWrite } from "../bus/wire/stream.ts";
import { GroupCommit } from "../functions/commit/group-commit.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { Envelope } from "../schemas/types.ts";

const MB = 1024 * 1024;
const TURNS = 3;
/** Of both: many small ones, some of 1 to 2 MB, and one that is larger than all that may be under way. */
const sizes = (largest: number) =>
  Array.from({ length: 200 }, (_, n) => (n === 150 ? largest : n % 4 === 0 ? MB + n * 1000 : n * 100 + 1));

/** What is on the wire: at most `most` bytes, or one alone. */
class Wire {
  readonly seen: number[] = [];
  readonly #most: number;
  #bytes = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when these are answered. */
  async carry(numbers: readonly number[], bytes: number): Promise<void> {
    this.seen.push(...numbers);
    this.#bytes += bytes;
    this.#count += numbers.length;
    assert.ok(this.#bytes <= this.#most || this.#count === 1, `${this.#count} writes of ${this.#bytes} bytes are under way`);
    for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
    this.#bytes -= bytes;
    this.#count -= numbers.length;
  }
}

describe("bytes under way", () => {
  it("are taken as long as there is room, and by one that is too large when nothing else is", () => {
    const budget = new ByteBudget(10);
    assert.deepEqual([budget.take(6), budget.take(5), budget.take(4), budget.take(1)], [true, false, true, false]);
    budget.giveBack(6);
    assert.equal(budget.take(11), false);
    budget.giveBack(4);
    assert.deepEqual([budget.take(11), budget.take(1)], [true, false]);
    budget.giveBack(11);
    budget.takeAnyway(20);
    assert.equal(budget.take(1), false);
  });

  it("from a webserver are 4 MB at most, and its writes go in order", async () => {
    const wire = new Wire(4 * MB);
    const stored = (n: number) => ({ id: `${n}`, revision: n + 1 });
    const all = sizes(6 * MB);
    const ask = async (verb: string, _collection: string, request: string) => {
      const asked = JSON.parse(request) as { n: number } & { writes: { put: { n: number } }[] };
      const numbers = verb === "batch" ? asked.writes.map(({ put }) => put.n) : [asked.n];
      await wire.carry(
        numbers,
        numbers.reduce((sum, n) => sum + (all[n] as number), 0),
      );
      const replies = numbers.map(stored);
      return Buffer.from(
        JSON.stringify(verb === "batch" ? { results: replies.map((reply) => ({ stored: reply })) } : replies[0]),
      );
    };
    const sender = new Sender({ ask } as unknown as Link, loadSchemas());
    const json = (n: number) => JSON.stringify({ n });
    const sent = all.map((bytes, n) => sender.send({ collection: "dashboards", verb: "put", json: json(n) }, bytes, 1000));
    assert.deepEqual(
      await Promise.all(sent),
      all.map((_, n) => stored(n)),
    );
    assert.deepEqual(wire.seen, [...all.keys()]);
  });

  for (const batches of [true, false]) {
    it(`from a handler are 16 MB at most, ${batches ? "also in batches" : "without batches"}`, async () => {
      const wire = new Wire(16 * MB);
      let [first, bytes]: [number | undefined, number] = [undefined, 0];
      const publish = (subject: string, body: Uint8Array) => {
        first ??= Number(subject);
        bytes += body.length;
      };
      const request = async (subject: string, body: Uint8Array) => {
        publish(subject, body);
        const last = Number(subject);
        const numbers = Array.from({ length: last + 1 - (first as number) }, (_, n) => (first as number) + n);
        const sum = bytes;
        [first, bytes] = [undefined, 0];
        await wire.carry(numbers, sum);
        return { json: () => ({ seq: last + 1 }) };
      };
      const group = new GroupCommit({ publish, request } as unknown as Connection, () => false);
      if (!batches) group.disableBatches();
      const all = sizes(20 * MB);
      const envelope = {} as Envelope;
      const written = all.map((size, n) => {
        const write = { subject: `${n}`, expected: 0, deleted: false, envelope, body: Buffer.alloc(size), rollup: false };
        return group.write(write satisfies StoreWrite);
      });
      assert.deepEqual(
        await Promise.all(written),
        all.map((_, n) => n + 1),
      );
      assert.deepEqual(wire.seen, [...all.keys()]);
    });
  }
});
