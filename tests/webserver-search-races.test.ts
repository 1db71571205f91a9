// Goal: a search is counted, stopped, deleted and ended rightly in whatever order things happen. Method: one webserver whose bus waits, at the place where
// the order matters, until the other thing has happened.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Webserver } from "../apps/webserver/index.ts";
import { logFiles, scan } from "../apps/webserver/search/scan.ts";
import { ResultStore } from "../apps/webserver/search/store.ts";
import type { Written } from "../bus/index.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { overriding } from "./support/overriding.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 60_000;

describe("searches, when the order of events is unlucky,", () => {
  let web: Web;
  let server: Webserver;
  let logs: string;
  let anna: Client;
  let uid: number;

  before(async () => {
    web = await webservers(0);
    logs = join(web.deployment.dir, "logs");
    mkdirSync(logs);
    writeFileSync(join(logs, "a.log"), "2026-01-01T00:00:00Z a line\n");
    server = await web.open("web1", { logs });
    uid = await web.user("anna");
    anna = new Client(server);
    await anna.login("anna");
  });
  after(() => web[Symbol.asyncDispose]());

  const search = async () => await anna.ask("POST", "/api/searchctrl", { query: "line", background: true });
  const stateOf = async (id: unknown) => (await anna.ask("GET", `/api/searchctrl/${id}`)).body.state;
  const fileOf = (id: string) => join(web.deployment.dir, "web1", "results", id, "lines.ndjson");

  /** Waits before or after what users put in a collection. */
  function puts(t: TestContext, name: string, around: (put: () => Promise<Written>, doc: object) => Promise<Written>): void {
    const { asUser } = server.bus;
    t.mock.method(server.bus, "asUser", (of: number) => {
      const scope = asUser.call(server.bus, of);
      const collection = (wanted: string) => {
        const real = scope.collection(wanted);
        const put: typeof real.put = (...asked) => around(async () => await real.put(...asked), asked[0]);
        return wanted === name ? overriding(real, { put }) : real;
      };
      return overriding(scope, { collection });
    });
  }

  it("are only so many of one user, also when they are asked for at the same moment", async (t) => {
    let [asked, answered] = [0, 0];
    const all = 25;
    const settled = () => asked + answered >= all;
    puts(t, "results", async (put) => {
      asked++;
      await eventually("all were asked for", SOON_MS, settled);
      return await put();
    });
    const answers = await Promise.all(
      Array.from({ length: all }, async () => {
        const { status } = await search();
        answered++;
        return status;
      }),
    );
    assert.equal(answers.filter((status) => status === 201).length, 10, answers.join());
    assert.equal(answers.filter((status) => status === 429).length, all - 10);
    const running = async () => (await server.bus.collection("results").list()).items.some(({ doc }) => doc.state === "running");
    await eventually("they have ended", SOON_MS, async () => !(await running()));
  });

  it("are stopped and deleted while they are being made", async (t) => {
    const seen = async (revision: unknown) => {
      for await (const change of server.bus.collection("results").changes({ since: 1, signal: AbortSignal.timeout(SOON_MS) }))
        if (change.revision >= Number(revision)) return;
    };
    const acts = [
      ["POST", "/stop"],
      ["DELETE", ""],
    ] as const;
    for (const [method, path] of acts) {
      puts(t, "searches", async (put, doc) => {
        const { search: id } = doc as { search: string };
        const { status, body } = await anna.ask(method, `/api/searchctrl/${id}${path}`);
        assert.equal(status, 200, JSON.stringify(body));
        await seen(body.revision);
        return await put();
      });
      const { body } = await search();
      t.mock.restoreAll();
      if (method === "POST") {
        await eventually("it has ended", SOON_MS, async () => (await stateOf(body.id)) !== "running");
        assert.equal(await stateOf(body.id), "stopped");
      } else await eventually("nothing is left of it", SOON_MS, () => !existsSync(fileOf(String(body.id))));
    }
  });

  it("leave no lines behind when they are deleted in the moment in which they end", async (t) => {
    const { collection } = server.bus;
    let deleted = false;
    t.mock.method(server.bus, "collection", (name: string) => {
      const real = collection.call(server.bus, name);
      const patch: typeof real.patch = async (id, ...asked) => {
        const written = await real.patch(id, ...asked);
        assert.ok(existsSync(fileOf(id)));
        const { revision } = await real.delete(id);
        for await (const change of real.changes({ since: 1, signal: AbortSignal.timeout(SOON_MS) }))
          if (change.revision === revision) break;
        deleted = true;
        return written;
      };
      return name === "results" ? overriding(real, { patch }) : real;
    });
    const { body } = await search();
    await eventually("it was deleted as it ended", SOON_MS, () => deleted);
    await eventually("its lines are gone", SOON_MS, () => !existsSync(fileOf(String(body.id))));
  });

  it("leave no lines behind when they are deleted while their webserver is away", async () => {
    const other = await web.open("web2", { logs });
    const { body } = await anna.at(other).ask("POST", "/api/searchctrl", { query: "line", background: true });
    const lines = join(web.deployment.dir, "web2", "results", String(body.id), "lines.ndjson");
    await server.bus.caughtUp(Number(body.revision));
    await eventually("it has ended", SOON_MS, async () => (await stateOf(body.id)) === "done");
    await other.close();
    assert.equal((await anna.ask("DELETE", `/api/searchctrl/${body.id}`)).status, 200);
    const back = await web.open("web2", { logs });
    await eventually("its lines are gone", SOON_MS, () => !existsSync(lines));
    // As when it dies between having heard of it and having done it.
    await back.close();
    mkdirSync(join(lines, ".."));
    writeFileSync(lines, "{}\n");
    await web.open("web2", { logs });
    await eventually("its lines are gone now, too", SOON_MS, () => !existsSync(lines));
  });

  it("go on without a log that was rotated away since they began", async () => {
    const folder = join(web.deployment.dir, "rotated");
    mkdirSync(folder);
    for (const name of ["b.log", "c.log.gz"]) writeFileSync(join(folder, name), "x");
    const files = await logFiles(folder);
    const asked = { matches: () => true, from: undefined, to: undefined };
    const gone = files.map((file) => ({ ...file, path: `${file.path}.moved` }));
    for (const file of gone)
      for await (const _piece of scan(file, asked, new AbortController().signal)) assert.fail("it is gone");
    assert.equal(gone.length, 2);
  });

  it("say of a result for which there is no room any more as many lines as it has", async () => {
    const store = new ResultStore(join(web.deployment.dir, "little-room"), 150);
    const writer = await store.begin("r", 1000);
    const found = Array.from({ length: 5 }, (_, n) => ({ time: null, source: "a.log", text: `line ${n}` }));
    await assert.rejects(writer.write(found), { code: "DISK_FULL" });
    await writer.end();
    const text = readFileSync(store.fileOf("r"), "utf8");
    assert.deepEqual([text.length, text.split("\n").length - 1], [writer.bytes, writer.lines]);
    assert.ok(writer.lines > 0);
  });

  it("are shared with the group that their user has chosen for it, as long as they are in it", async () => {
    const gid = Number((await server.bus.collection("groups").put({ name: "team" })).id);
    const readersOf = async (request: object = {}) => {
      const { body } = await anna.ask("POST", "/api/searchctrl", { query: "line", ...request });
      return (await anna.ask("GET", `/api/searchctrl/${body.id}`)).body.readers;
    };
    const users = server.bus.collection("users");
    await users.patch(String(uid), { groups: [gid], defaultGroup: gid });
    assert.deepEqual(await readersOf(), { groups: [gid] });
    assert.deepEqual(await readersOf({ readers: {} }), {});
    await users.patch(String(uid), { groups: [] });
    assert.equal(await readersOf(), undefined);
  });
});
