// Goal: a content goes into a backup and comes out of it whole, encrypted or not, and neither way holds it in memory.
// Method: no datastore; a file that is large beside what may be held, written and read back while what the buffers hold is looked at.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startEncryption } from "../scripts/support/backup/encryption.ts";
import { FORMAT } from "../scripts/support/backup/format.ts";
import { openBackup } from "../scripts/support/backup/read.ts";
import { type ContentFile, writeBackup } from "../scripts/support/backup/write.ts";
import { spooled } from "../scripts/support/restore/contents.ts";
import { content, sha256Of } from "./support/contents.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const SIZE = 64 * 1024 * 1024;
const HELD = 48 * 1024 * 1024;
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const header = {
  ...{ frontsync: "backup" as const, format: FORMAT, version: "0.1.0", generation: null, revision: 1 },
  ...{ at: "2024-01-01T00:00:00.000Z", withoutSecrets: false },
};
const { signal } = new AbortController();

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

test("a large content and an empty one, encrypted, a piece at a time", async (t) => {
  const folder = temporaryFolder(t);
  const [large, empty, file] = ["large", "empty", "backup"].map((name) => join(folder, name)) as [string, string, string];
  await pipeline(content(SIZE), createWriteStream(large));
  writeFileSync(empty, "");
  const given: ContentFile[] = [
    { sha256: sha256Of(0), size: 0, path: empty },
    { sha256: sha256Of(SIZE), size: SIZE, path: large },
    { sha256: sha256Of(7, 2), size: 7, path: join(folder, "small") },
  ];
  await pipeline(content(7, 2), createWriteStream(join(folder, "small")));
  let peak = 0;
  const watch = setInterval(() => {
    collectGarbage();
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }, 200);
  try {
    const encryption = await startEncryption("a secret");
    const body = { contents: Readable.from(given), records: [] };
    const written = await writeBackup(file, header, body, { encryption, signal, onProgress: () => {} });
    assert.equal(written.contents, 3);
    const backup = await openBackup(file, async () => "a secret", signal);
    const found: [string, number, string][] = [];
    for await (const { sha256, size, path } of spooled(backup.pieces(), join(folder, "out"))) {
      assert.equal(statSync(path).size, size);
      found.push([sha256, size, await hashOf(path)]);
    }
    assert.deepEqual(
      found,
      given.map(({ sha256, size }) => [sha256, size, sha256]),
    );
    await backup.close();
  } finally {
    clearInterval(watch);
  }
  t.diagnostic(`at most ${Math.round(peak / 2 ** 20)} MiB in buffers`);
  assert.ok(peak > 0 && peak < HELD, `${peak} bytes in buffers`);
});

test("pieces that are sealed but are not what their name says are refused", async (t) => {
  const folder = temporaryFolder(t);
  const [file, small] = [join(folder, "backup"), join(folder, "small")];
  writeFileSync(small, "something");
  const contents = Readable.from([{ sha256: sha256Of(9), size: 9, path: small }]);
  await writeBackup(file, header, { contents, records: [] }, { encryption: undefined, signal, onProgress: () => {} });
  await assert.rejects(
    openBackup(file, async () => "", signal),
    { code: "BACKUP_DAMAGED", message: /is not what its name says/ },
  );
  assert.match(readFileSync(file, "utf8"), /"content":/);
});
