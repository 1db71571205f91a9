// Goal: an option that can't be right is refused at once with BAD_CONFIG and a message that names it; nothing is started or left behind.
// Method: one row for each bad option of connectBus and startDatastore, also such as only callers without types can give.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type BusOptions, connectBus } from "../bus/index.ts";
import { type DatastoreOptions, startDatastore } from "../functions/datastore.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const BUS_ENTRY = new URL("../bus/index.js", import.meta.url).href;
const KEYS = new URL("../functions/supervise/keys.js", import.meta.url).href;

/** Without types. */
type Loose<T> = { [K in keyof T]?: unknown };

const long = (length: number) => "x".repeat(length);

const BUS: [keyof BusOptions, ...unknown[]][] = [
  [
    "datastore",
    undefined,
    null,
    5,
    "",
    " ",
    [],
    {},
    [""],
    [5],
    ["good", "a b"],
    "host:",
    "host:0",
    "host:65536",
    "host:x",
    "a/b",
    "nats://host:1",
    "::1",
    "[::1",
  ],
  ["webserver", undefined, null, "", 5, {}, "a.b", "a b", "a*", ">", "é", "a/b", "a\n", long(65), "$SYS", "functions", "auth"],
  ["dir", undefined, null, "", 5, "a\0b"],
  ["externalAddr", null, "", 5, {}, long(513)],
  ["updateInterval", null, 0, -1, 0.09, 3601, Number.NaN, Number.POSITIVE_INFINITY, "10", {}],
  ["controlAuth", null, "", 5, {}, long(1025)],
  ["schemas", null, 5, "folder", [5], [""], {}, ["/nowhere/at/all"]],
];

const DATASTORE: [keyof DatastoreOptions, ...unknown[]][] = [
  ["dir", undefined, null, "", 5, "a\0b"],
  ["port", null, -1, 65_536, 1.5, Number.NaN, "9405"],
  ["handlers", null, 0, 65, 1.5, "2", Number.NaN],
  ["sync", null, "", "sometimes", true],
  ["controlAuth", null, "", 5, {}, long(1025)],
  ["listen", null, "", 5, "0.0.0.0", "::", "10.0.0.1"],
  ["nats", null, "", 5, "host:0", "a b", "host:1,host:2"],
  ["schemas", null, 5, "folder", [5], [""], ["/nowhere/at/all"]],
];

/** Refused with BAD_CONFIG, soon, with a message that says something, and of `option` unless it is about what the option names. */
async function isRefused(start: () => Promise<AsyncDisposable>, option: string, value: unknown): Promise<void> {
  const begun = performance.now();
  await assert.rejects(
    async () => {
      await using _started = await start();
    },
    (error: unknown) => {
      assert.ok(error instanceof FrontsyncError, `${option} ${String(value)}: ${error}`);
      assert.equal(error.code, "BAD_CONFIG", error.message);
      assert.ok(error.message.length > 20 && error.message.length < 600, error.message);
      return true;
    },
  );
  assert.ok(performance.now() - begun < 30_000, "soon");
}

function busOptions(t: TestContext, changed: Loose<BusOptions>): BusOptions {
  return { datastore: "127.0.0.1:1", webserver: "web1", dir: join(temporaryFolder(t), "bus"), ...changed } as BusOptions;
}

describe("connectBus refuses", () => {
  for (const [option, ...values] of BUS) {
    it(`${values.length} bad values of ${option}`, async (t) => {
      const dir = join(temporaryFolder(t), "bus");
      for (const value of values) await isRefused(() => connectBus(busOptions(t, { dir, [option]: value })), option, value);
      assert.equal(existsSync(dir), false, "nothing is made");
    });
  }

  it("a folder that is a file", async (t) => {
    const file = join(temporaryFolder(t), "file");
    writeFileSync(file, "");
    await isRefused(() => connectBus(busOptions(t, { dir: file })), "dir", file);
    await isRefused(() => connectBus(busOptions(t, { dir: join(file, "below") })), "dir", file);
  });

  it("a bad interval later, too, and keeps the one it has", async (t) => {
    await using bus = await connectBus(busOptions(t, {}));
    for (const seconds of [0, -1, 3601, Number.NaN, "5" as unknown as number])
      assert.throws(() => bus.setUpdateInterval(seconds), { name: "FrontsyncError", code: "BAD_CONFIG" });
    bus.setUpdateInterval(0.1);
  });

  it("a folder that another bus has, and takes it when that one is closed", async (t) => {
    const options = busOptions(t, {});
    const first = await connectBus(options);
    await assert.rejects(connectBus(options), { name: "FrontsyncError", code: "DIR_IN_USE" });
    await assert.rejects(startDatastore({ dir: options.dir, port: 0 }), { name: "FrontsyncError", code: "DIR_IN_USE" });
    await first.close();
    await using _second = await connectBus(options);
  });

  for (const [what, make] of [
    ["outbox", mkdirSync],
    ["logins", mkdirSync],
    ["resources", (file: string) => writeFileSync(file, "")],
  ] as const)
    it(`a folder whose \`${what}\` is of another kind, and leaves nothing running`, async (t) => {
      const options = busOptions(t, {});
      mkdirSync(options.dir, { recursive: true });
      make(join(options.dir, what));
      await assert.rejects(connectBus(options), ({ name, code, message }: FrontsyncError) => {
        assert.deepEqual([name, code], ["FrontsyncError", "BAD_CONFIG"], message);
        return message.includes(join(options.dir, what));
      });
      // A thread, or a file that is open, would keep the process.
      const program = `import { connectBus } from ${JSON.stringify(BUS_ENTRY)}; await connectBus(${JSON.stringify(options)}).catch(() => {});`;
      const args = ["--input-type=module", "-e", program];
      const { status, signal } = spawnSync(process.execPath, args, { timeout: 60_000, stdio: "inherit" });
      assert.deepEqual([status, signal], [0, null], "the process ends by itself");
      rmSync(join(options.dir, what), { recursive: true });
      await (await connectBus(options)).close();
    });
});

describe("startDatastore refuses", () => {
  for (const [option, ...values] of DATASTORE) {
    it(`${values.length} bad values of ${option}`, async (t) => {
      const dir = join(temporaryFolder(t), "datastore");
      for (const value of values) {
        const options = { dir, port: 0, [option]: value } as unknown as DatastoreOptions;
        await isRefused(() => startDatastore(options), option, value);
      }
      const left = existsSync(dir) ? readdirSync(dir) : [];
      assert.ok(!left.includes("lock") && !left.includes("jetstream"), `what it left: ${left.join(", ")}`);
    });
  }

  it("a folder that is a file, or that another datastore has", async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "file"), "");
    await isRefused(() => startDatastore({ dir: join(folder, "file"), port: 0 }), "dir", "file");
    await using _first = await startDatastore({ dir: join(folder, "one"), port: 0 });
    await assert.rejects(startDatastore({ dir: join(folder, "one"), port: 0 }), { name: "FrontsyncError", code: "DIR_IN_USE" });
  });

  it("keys that can't be read: new ones would make every signature worthless", async (t) => {
    const dir = temporaryFolder(t);
    for (const text of ["", "{", "null", "[]", '{"signingKey":5}']) {
      writeFileSync(join(dir, "keys.json"), text);
      await isRefused(() => startDatastore({ dir, port: 0 }), "keys.json", text);
    }
  });

  it("nothing when the keys are gone and the store is not: it makes others, and says what that means", (t) => {
    const dir = temporaryFolder(t);
    const program = `import { loadKeys } from ${JSON.stringify(KEYS)}; loadKeys(${JSON.stringify(dir)});`;
    const said = () => {
      const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      return stderr;
    };
    assert.equal(said(), "", "a new folder has none");
    mkdirSync(join(dir, "jetstream"));
    assert.equal(said(), "", "they are there");
    rmSync(join(dir, "keys.json"));
    assert.match(said(), /keys\.json is not there.*Put keys\.json back/);
    assert.ok(existsSync(join(dir, "keys.json")));
  });

  it("a NATS that does not answer", async (t) => {
    const start = startDatastore({ dir: temporaryFolder(t), nats: "127.0.0.1:1" });
    await assert.rejects(start, { name: "FrontsyncError", code: "DATASTORE_UNREACHABLE" });
  });
});
