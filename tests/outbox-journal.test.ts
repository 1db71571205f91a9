// Goal: what the outbox has acknowledged is there after a crash, a torn tail, damage and a full disk, and nothing that was lost is lost in silence.
// Method: the file is cut and overwritten at every place; a tmpfs of some kilobytes is the full disk; the memory of what was kept is compared.
import assert from "node:assert/strict";
import fs, { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Journal } from "../bus/outbox/journal.ts";
import { Outbox } from "../bus/outbox/outbox.ts";
import type { Kept } from "../bus/outbox/request.ts";
import { writeAtomically, writeAtomicallySoon } from "../bus/platform/files.ts";
import { loadSchemas } from "../schemas/index.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";
import { smallDisk } from "./support/small-disk.ts";

const schemas = loadSchemas();

const kept = (n: number, more: Partial<Kept> = {}): Kept => ({
  ...{ kind: "wait", mutation: `web1.i.${n}`, collection: "dashboards", id: `d${n}`, by: 0, at: "2026-01-01T00:00:00.000Z" },
  ...{ op: "put", body: { id: `d${n}`, name: `ü${n}` }, base: 0, ...more },
});

function read(file: string): { records: string[]; journal: Journal } {
  const records: string[] = [];
  return { records, journal: Journal.open(file, (json) => records.push(json)) };
}

async function written(file: string, records: readonly object[]): Promise<Buffer> {
  const { journal } = read(file);
  await Promise.all(records.map((record) => journal.append(record)));
  await journal.close();
  return readFileSync(file);
}

describe("the outbox's file", () => {
  it("takes one record after the other, each begun as soon as the one before is there", async (t) => {
    const { journal } = read(join(temporaryFolder(t), "outbox"));
    for (let n = 0; n < 50; n++) await journal.append({ n });
    await journal.close();
  });

  it("that is cut anywhere in its last record, with garbage after it or not, keeps the others and goes on", async (t) => {
    const file = join(temporaryFolder(t), "outbox");
    const whole = await written(file, [{ n: 1 }, { n: 2, text: "über\n" }, { n: 3, text: "x".repeat(20) }]);
    const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let cut = last; cut < whole.length; cut++) {
      for (const garbage of [Buffer.alloc(0), Buffer.alloc(9), Buffer.from("\xff{}")]) {
        writeFileSync(file, Buffer.concat([whole.subarray(0, cut), garbage]));
        const { journal, records } = read(file);
        assert.equal(records.length, 2, `cut at ${cut}`);
        assert.equal(journal.damage, undefined);
        await journal.append({ n: 4 });
        await journal.close();
        const again = read(file);
        assert.deepEqual(
          again.records.map((json) => (JSON.parse(json) as { n: number }).n),
          [1, 2, 4],
        );
        await again.journal.close();
      }
    }
  });

  it("with one byte changed anywhere sets aside what it can't read, says so, and keeps the rest", async (t) => {
    const dir = temporaryFolder(t);
    const file = join(dir, "outbox");
    const whole = await written(file, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    for (let at = 0; at < whole.length - 1; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x01;
      writeFileSync(file, damaged);
      const { journal, records } = read(file);
      const lost = whole[at] === 0x0a ? 2 : 1;
      assert.equal(records.length, 3 - lost, `at ${at}`);
      assert.match(journal.damage ?? "", /could not be read/);
      await journal.append({ n: 4 });
      await journal.close();
      const again = read(file);
      assert.equal(again.records.length, 4 - lost);
      assert.equal(again.journal.damage, undefined, "it is said once");
      await again.journal.close();
    }
    const aside = readdirSync(dir).filter((name) => name.includes("damaged"));
    assert.ok(aside.length > 0);
  });

  it("on a full disk refuses with DISK_FULL, keeps all that it had, and goes on when there is space", async (t) => {
    const dir = smallDisk(t);
    if (dir === undefined) return t.skip("no file system may be mounted here");
    const file = join(dir, "outbox");
    const outbox = Outbox.open(dir, schemas);
    const accepted: string[] = [];
    let refused = 0;
    for (let n = 0; refused < 20; n++) {
      const one = kept(n, { body: { id: `d${n}`, name: "x".repeat(n % 7 === 0 ? 9000 : 500) } });
      await outbox.keep(one).then(
        () => accepted.push(one.mutation),
        ({ code }) => {
          assert.equal(code, "DISK_FULL");
          refused++;
        },
      );
    }
    assert.deepEqual(
      outbox.waiting.map(({ mutation }) => mutation),
      accepted,
    );
    // What becomes of them may not be written either: nothing is thrown, they are only asked again after a restart.
    await outbox.stored(outbox.waiting[0] as Kept, 7);
    await outbox.dead(outbox.waiting[0] as Kept, "NOT_ALLOWED", "no ".repeat(20_000));
    await outbox.close();
    assert.ok(readFileSync(file).length > 30_000);
    const again = Outbox.open(dir, schemas);
    assert.equal(again.damage, undefined);
    const there = again.waiting.map(({ mutation }) => mutation);
    assert.ok(
      accepted.slice(2).every((mutation) => there.includes(mutation)),
      "what was acknowledged is there",
    );
    await again.close();
  });

  it("that was written anew, as far as one knows, goes on in the file that has its name", async (t) => {
    const file = join(temporaryFolder(t), "outbox");
    const { journal } = read(file);
    for (const n of [1, 2]) await journal.append({ n });
    // The folder can't be synced, or not be opened any more: the new file has the name by then.
    let calls = 0;
    const broken = t.mock.method(fs, "fsyncSync", () => {
      if (++calls > 1) throw Object.assign(new Error("no"), { code: "EIO" });
    });
    syncBuiltinESMExports();
    t.after(() => {
      broken.mock.restore();
      syncBuiltinESMExports();
    });
    await assert.rejects(
      journal.rewrite(() => [{ n: 2 }]),
      { code: "EIO" },
    );
    await assert.rejects(journal.append({ n: 3 }), { code: "INTERNAL" }, "nobody knows which file is there after a crash");
    broken.mock.restore();
    syncBuiltinESMExports();
    await journal.append({ n: 4 });
    assert.equal(journal.size, readFileSync(file).length);
    await journal.close();
    const again = read(file);
    assert.deepEqual([again.records, again.journal.damage], [['{"n":2}', '{"n":4}'], undefined]);
    await again.journal.close();
  });

  it("has what room there is after another file could not be written, which leaves nothing", async (t) => {
    const dir = smallDisk(t);
    if (dir === undefined) return t.skip("no file system may be mounted here");
    const { journal } = read(join(dir, "outbox"));
    await journal.append({ n: 1 });
    const [snapshot, bytes] = [join(dir, "webstore.db"), Buffer.alloc(100_000)];
    assert.throws(() => writeAtomically(snapshot, bytes), { code: "ENOSPC" });
    await journal.append({ text: "x".repeat(5000) });
    await assert.rejects(writeAtomicallySoon(snapshot, bytes), { code: "ENOSPC" });
    await journal.append({ text: "x".repeat(5000) });
    await journal.close();
    assert.deepEqual(readdirSync(dir), ["outbox"]);
  });
});

describe("the outbox", () => {
  it("of 10,000 writes that come and go is made smaller meanwhile, and has them all, in order", async (t) => {
    const dir = temporaryFolder(t);
    const outbox = Outbox.open(dir, schemas);
    const large = { id: "x", name: "x".repeat(400) };
    const going: Promise<void>[] = [];
    for (let n = 0; n < 10_000; n++) {
      const one = kept(n, { body: { ...large, id: `d${n}` } });
      const there = outbox.keep(one);
      if (n % 10 === 0) going.push(there);
      else going.push(there.then(() => (n % 10 === 1 ? outbox.dead(one, "NOT_ALLOWED", "no") : outbox.stored(one, n))));
      if (n % 500 === 0) await Promise.all(going.splice(0));
    }
    await Promise.all(going);
    const ids = outbox.waiting.map(({ id }) => id);
    assert.equal(ids.length, 1000);
    assert.ok(readFileSync(join(dir, "outbox")).length < 5_000_000, "it was made smaller");
    await outbox.close();
    const again = Outbox.open(dir, schemas);
    assert.deepEqual(
      again.waiting.map(({ id }) => id),
      ids,
    );
    assert.equal(again.deadLetters.length, 1000);
    for (const letter of again.deadLetters) await again.discard(letter);
    await again.close();
    const last = Outbox.open(dir, schemas);
    assert.deepEqual([last.waiting.length, last.deadLetters.length], [1000, 0]);
    await last.close();
  });

  it("with many that stay is made smaller also by a few large ones that come and go, and by a restart", async (t) => {
    const dir = temporaryFolder(t);
    const size = () => readFileSync(join(dir, "outbox")).length;
    const first = Outbox.open(dir, schemas);
    const staying = Array.from({ length: 500 }, (_, n) => kept(n));
    await Promise.all(staying.map((one) => first.keep(one)));
    const comeAndGo = async (outbox: Outbox, from: number) => {
      for (let n = from; n < from + 40; n++) {
        const large = kept(n, { body: { id: `d${n}`, name: "x".repeat(200_000) } });
        await outbox.keep(large);
        await outbox.stored(large, n);
      }
    };
    await comeAndGo(first, 1000);
    assert.ok(size() < 3_000_000, `${size()} bytes for 500 small ones`);
    await first.close();
    const again = Outbox.open(dir, schemas);
    await comeAndGo(again, 2000);
    assert.ok(size() < 3_000_000, `${size()} bytes for 500 small ones`);
    assert.deepEqual(
      again.waiting.map(({ id }) => id),
      staying.map(({ id }) => id),
    );
    await again.close();
  });

  it("that can't be made smaller goes on in the file that it has; one that was left half written is not looked at", async (t) => {
    const dir = temporaryFolder(t);
    const { journal } = read(join(dir, "outbox"));
    await journal.append({ n: 1 });
    writeFileSync(join(dir, "outbox.tmp"), "half a rec");
    await assert.rejects(
      journal.rewrite(() => {
        throw new Error("no");
      }),
    );
    await journal.append({ n: 2 });
    await journal.close();
    const again = read(join(dir, "outbox"));
    assert.equal(again.records.length, 2);
    await again.journal.rewrite(() => [{ n: 2 }]);
    await again.journal.append({ n: 3 });
    await again.journal.close();
    assert.deepEqual(read(join(dir, "outbox")).records, ['{"n":2}', '{"n":3}']);
  });

  it("takes nothing more when dead letters have filled it, by their number or size; it drops none, also over a restart", async (t) => {
    for (const limits of [
      { writes: 4, deadBytes: 1e9 },
      { writes: 1e9, deadBytes: 40 },
    ]) {
      const dir = temporaryFolder(t);
      let outbox = Outbox.open(dir, schemas, limits);
      const refused = () => assert.rejects(outbox.keep(kept(9)), { code: "DATASTORE_UNREACHABLE", message: /full.*[Dd]iscard/ });
      for (let n = 0; n < 3; n++) await outbox.keep(kept(n));
      assert.equal(outbox.full, undefined);
      for (let n = 0; n < 2; n++) await outbox.dead(kept(n), "NOT_ALLOWED", "no");
      await (limits.writes === 4 ? outbox.keep(kept(3)) : Promise.resolve());
      await refused();
      await outbox.dead(kept(2), "NOT_ALLOWED", "what waits already may still be refused");
      await refused();
      await outbox.close();
      outbox = Outbox.open(dir, schemas, limits);
      await refused();
      assert.equal(outbox.deadLetters.length, 3);
      for (const letter of [...outbox.deadLetters]) await Promise.all([outbox.discard(letter), outbox.discard(letter)]);
      assert.equal(outbox.full, undefined);
      await outbox.keep(kept(9));
      await outbox.close();
    }
  });

  it("is read while it is written, without a change to it; a line that is just being written is no damage", async (t) => {
    const dir = temporaryFolder(t);
    const outbox = Outbox.open(dir, schemas);
    await outbox.keep(kept(1));
    await outbox.dead(kept(1), "NOT_ALLOWED", "no");
    await outbox.keep(kept(2));
    const file = join(dir, "outbox");
    const bytes = readFileSync(file);
    for (const [tail, damaged] of [
      ["", 0],
      ["0123 {", 0],
      ["no checksum\n", 1],
    ] as const) {
      writeFileSync(file, Buffer.concat([bytes, Buffer.from(tail)]));
      const contents = Outbox.read(dir, schemas);
      assert.deepEqual(
        [contents.waiting.map(({ id }) => id), contents.deadLetters.map(({ id }) => id), contents.damaged],
        [["d2"], ["d1"], damaged],
      );
      assert.equal(readFileSync(file).length, bytes.length + tail.length);
    }
    await outbox.close();
  });

  it("bases what comes next on what the write before has become, and on nothing when that is not known", async (t) => {
    for (const [revision, base] of [
      [9, 9],
      [undefined, 5],
    ] as const) {
      const dir = temporaryFolder(t);
      const outbox = Outbox.open(dir, schemas);
      const first = kept(1, { id: "d", base: 5 });
      await outbox.keep(first);
      await outbox.keep(kept(2, { id: "d", base: 5, chained: true, op: "delete" }));
      await outbox.stored(first, revision);
      assert.equal(outbox.waiting[0]?.base, base);
      await outbox.close();
      const again = Outbox.open(dir, schemas);
      assert.equal(again.waiting[0]?.base, base);
      await again.close();
    }
  });

  it("that is empty, or of a length of zeros, opens", async (t) => {
    for (const content of [Buffer.alloc(0), Buffer.alloc(4096)]) {
      const dir = temporaryFolder(t);
      writeFileSync(join(dir, "outbox"), content);
      const outbox = Outbox.open(dir, schemas);
      await outbox.keep(kept(1));
      await outbox.close();
      const again = Outbox.open(dir, schemas);
      assert.equal(again.waiting.length, 1);
      await again.close();
    }
  });
});
