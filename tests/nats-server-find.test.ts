// Goal: the order in which a nats-server is found, and what happens to one that can't be used. Method: small scripts that answer
// --version as a nats-server does, on NATS_SERVER, on PATH and in a cache folder of the test's own.
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { cachedBinary, cacheFolders, sha256 } from "../functions/nats-server/cache.ts";
import { findNatsServer, PINNED_VERSION } from "../functions/nats-server/index.ts";
import { isNewEnough } from "../functions/nats-server/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { fakeServer, script, temporaryFolder } from "./support/nats-server-kit.ts";

async function fillCache(cache: string): Promise<string> {
  const path = fakeServer(dirname(cachedBinary(cache)), PINNED_VERSION);
  writeFileSync(`${path}.sha256`, `${await sha256(path)}\n`);
  return path;
}

function badConfig(...parts: string[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof FrontsyncError);
    assert.equal(error.code, "BAD_CONFIG");
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" is in: ${error.message}`);
    return true;
  };
}

describe("finding a nats-server", { concurrency: true }, () => {
  it("takes NATS_SERVER before PATH, PATH before the cache, the cache before fetching", async (t) => {
    const folder = temporaryFolder(t);
    const wished = fakeServer(join(folder, "wished"), "2.13.0");
    const onPath = fakeServer(join(folder, "path"), "2.12.0");
    const cacheDir = join(folder, "cache");
    const cached = await fillCache(cacheDir);
    const PATH = `:${join(folder, "nothing")}:${dirname(onPath)}:/usr/bin:/bin`;
    const find = (env: NodeJS.ProcessEnv) => findNatsServer({ env, cacheDir, ways: [] });
    assert.deepEqual(await find({ PATH, NATS_SERVER: wished }), { path: wished, version: "2.13.0", source: "NATS_SERVER" });
    assert.deepEqual(await find({ PATH, NATS_SERVER: "" }), { path: onPath, version: "2.12.0", source: "PATH" });
    assert.deepEqual(await find({ PATH: "" }), { path: cached, version: PINNED_VERSION, source: "cache" });
  });

  it("refuses a NATS_SERVER that is too old, missing, or something else, and does not look further", async (t) => {
    const folder = temporaryFolder(t);
    const good = fakeServer(join(folder, "path"), "2.15.1");
    const find = (NATS_SERVER: string) => findNatsServer({ env: { NATS_SERVER, PATH: `${dirname(good)}:/usr/bin:/bin` } });
    const old = fakeServer(join(folder, "old"), "2.10.0");
    await assert.rejects(find(old), badConfig(old, "2.10.0: too old", "≥ 2.12.0"));
    await assert.rejects(find(join(folder, "missing")), badConfig(join(folder, "missing"), "is not installed"));
    await assert.rejects(find(script(folder, "other", "echo hello")), badConfig("does not answer --version"));
    await assert.rejects(find(script(folder, "fails", "echo no such luck >&2; exit 3")), badConfig("exit 3: no such luck"));
    await assert.rejects(find(folder), badConfig("EACCES"));
  });

  it("passes over a nats-server on PATH that is too old, takes a newer one behind it, and names it when there is no other", async (t) => {
    const folder = temporaryFolder(t);
    const old = fakeServer(join(folder, "a"), "2.10.0");
    const newer = fakeServer(join(folder, "b"), "2.15.0");
    const cacheDir = join(folder, "cache");
    const options = (PATH: string) => ({ env: { PATH: `${PATH}:/usr/bin:/bin` }, cacheDir, ways: [] });
    assert.equal((await findNatsServer(options(`${join(folder, "a")}:${join(folder, "b")}`))).path, newer);
    await assert.rejects(
      findNatsServer(options(join(folder, "a"))),
      badConfig(`${old} is 2.10.0: too old`, "brew install nats-server"),
    );
  });

  it("does not take a cached file that was changed, cut off, or is of another version", async (t) => {
    const folder = temporaryFolder(t);
    for (const [index, spoil] of [
      (path: string) => appendFileSync(path, "# one byte more"),
      (path: string) => writeFileSync(path, ""),
      (path: string) => chmodSync(path, 0o644),
      async (path: string) => {
        fakeServer(dirname(path), "2.14.0");
        writeFileSync(`${path}.sha256`, await sha256(path));
      },
    ].entries()) {
      const cacheDir = join(folder, String(index));
      const path = await fillCache(cacheDir);
      const options = { env: { PATH: "" }, cacheDir, ways: [] };
      assert.equal((await findNatsServer(options)).source, "cache");
      await spoil(path);
      await assert.rejects(findNatsServer(options), badConfig("none could be fetched"));
    }
  });

  it("keeps to a private folder in the temporary one when there is no home, and to no folder of somebody else", async (t) => {
    const folder = temporaryFolder(t);
    const uid = process.getuid?.();
    const own = join(folder, `frontsync-${uid}`);
    assert.deepEqual(cacheFolders({ HOME: "", TMPDIR: folder }), [own]);
    assert.deepEqual(cacheFolders({ HOME: "relative", XDG_CACHE_HOME: "also", TMPDIR: folder }), [own]);
    assert.deepEqual(cacheFolders({ HOME: "/home/of", XDG_CACHE_HOME: "/xdg", TMPDIR: folder }), ["/xdg/frontsync", own]);
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const env = { PATH: "", HOME: file, TMPDIR: folder };
    await fillCache(own);
    assert.equal((await findNatsServer({ env, ways: [] })).source, "cache");
    chmodSync(own, 0o777);
    await assert.rejects(findNatsServer({ env, ways: [] }), badConfig("others may write in it", "ENOTDIR"));
  });

  it("compares versions by number", () => {
    for (const version of ["2.12.0", "2.12.0-RC.1", "2.100.0", "3.0.0"]) assert.equal(isNewEnough(version), true, version);
    for (const version of ["2.11.99", "2.9.10", "1.99.0", "2.2.1"]) assert.equal(isNewEnough(version), false, version);
  });

  it("stops when it is told to", async (t) => {
    const folder = temporaryFolder(t);
    const slow = script(join(folder, "bin"), "nats-server", "exec sleep 30");
    const signal = AbortSignal.timeout(200);
    await assert.rejects(findNatsServer({ env: { PATH: `${dirname(slow)}:/usr/bin:/bin` }, signal }), { name: "TimeoutError" });
    assert.equal(existsSync(join(folder, "cache")), false);
  });
});
