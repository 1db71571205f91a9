// Goal: a search finds what is in the logs, and its result can be opened from every webserver by those who may see it, and by nobody else. Method: two
// webservers at real addresses, one of which is stopped at the end; a result of 100 MB is cut in the middle and continued.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { SignJWT } from "jose";
import type { Webserver } from "../apps/webserver/index.ts";
import { ResultStore } from "../apps/webserver/search/store.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 180_000;
const BIG_LINES = 100_000;
const PAD = "x".repeat(900);

describe("searches", () => {
  let web: Web;
  let a: Webserver;
  let b: Webserver;
  let logs: string;

  before(async () => {
    web = await webservers(0, {}, { bus: {} });
    logs = join(web.deployment.dir, "logs");
    mkdirSync(join(logs, "deep"), { recursive: true });
    writeFileSync(
      join(logs, "app.log"),
      "2026-01-01T00:00:00Z first status=200\n\r\n2026-01-02T00:00:00Z second status=500\n  at its second line\n2026-01-03T00:00:00Z third",
    );
    writeFileSync(join(logs, "deep", "old.log.gz"), gzipSync("2025-12-31T00:00:00Z zeroth status=500\n"));
    writeFileSync(join(web.deployment.dir, "secret"), "2026-01-02T00:00:00Z status=500 the secret\n");
    symlinkSync(join(web.deployment.dir, "secret"), join(logs, "link.log"));
    [a, b] = (await Promise.all(
      ["web1", "web2"].map(async (name) => await web.openReal(name, { logs, updateInterval: 0.2 })),
    )) as [Webserver, Webserver];
    const knows = (server: Webserver, name: string) => server.bus.status().peers.some(({ webserver }) => webserver === name);
    await eventually("each knows the other", SOON_MS, () => knows(a, "web2") && knows(b, "web1"));
  });
  after(() => web[Symbol.asyncDispose]());

  async function someone(name: string, fields: object = {}): Promise<{ here: Client; there: Client; uid: number }> {
    const uid = await web.user(name, fields);
    const here = new Client(a);
    assert.equal((await here.login(name)).status, 200);
    return { here, there: here.at(b), uid };
  }

  async function searched(client: Client, request: object): Promise<string> {
    const { status, body } = await client.ask("POST", "/api/searchctrl", request);
    assert.equal(status, 201, JSON.stringify(body));
    const id = String(body.id);
    await eventually("it has ended", SOON_MS, async () => {
      const found = await client.ask("GET", `/api/searchctrl/${id}`);
      return found.body.state !== "running";
    });
    await b.bus.caughtUp();
    return id;
  }

  async function lines(client: Client, id: string): Promise<string[]> {
    const { status, body } = await client.ask<{ text: string }>("GET", `/api/searchctrl/${id}/lines`);
    assert.equal(status, 200, JSON.stringify(body));
    const records = body.text.split("\n").filter((line) => line !== "");
    return records.map((line) => (JSON.parse(line) as { text: string }).text);
  }

  it("find the lines that fit, in the range of time, in all files, and only in the folder", async () => {
    const { here, there, uid } = await someone("anna");
    for (const [request, expected] of [
      [{ query: "status=500" }, ["2026-01-02T00:00:00Z second status=500", "2025-12-31T00:00:00Z zeroth status=500"]],
      [{ query: "status=500", from: "2026-01-01T00:00:00Z" }, ["2026-01-02T00:00:00Z second status=500"]],
      [
        { query: "second", from: "2026-01-02T00:00:00Z", to: "2026-01-03T00:00:00Z" },
        ["2026-01-02T00:00:00Z second status=500", "  at its second line"],
      ],
      [{ query: "nowhere" }, []],
    ] as const) {
      const id = await searched(here, request);
      for (const client of [here, there]) assert.deepEqual(await lines(client, id), expected, JSON.stringify(request));
      await there.ask("GET", `/api/searchctrl/${id}`);
    }
    const { body } = await there.ask<{ items: { userQuery: string; webserver: string }[] }>("GET", "/api/searchhistory");
    assert.deepEqual([body.items[0]?.userQuery, body.items.length], ["nowhere", 3], "the same query is one entry");
    assert.equal((await here.ask("GET", "/api/searchctrl")).status, 200);
    assert.ok(uid > 1);
  });

  it("are refused when they can't be read, and unknown fields with them", async () => {
    const { here } = await someone("bert");
    for (const [request, path] of [
      [{ query: '"open' }, "/query"],
      [{}, "/query"],
      [{ query: "x", from: "yesterday" }, "/from"],
      [{ query: "x", webserver: "web2" }, "/webserver"],
      [{ query: "x", readers: { global: true } }, undefined],
    ] as const) {
      const { status, body } = await here.ask("POST", "/api/searchctrl", request);
      assert.ok(status === 400 || status === 403, JSON.stringify(body));
      if (path !== undefined) assert.equal(body.path, path, JSON.stringify(body));
    }
  });

  it("tell their progress on both webservers until they have ended", async () => {
    const { here, there } = await someone("carl");
    const id = await searched(here, { query: "status=500" });
    for (const client of [here, there]) {
      const { body, headers } = await client.ask<{ text: string }>("GET", `/api/searchctrl/${id}/progress`);
      assert.match(headers.get("content-type") ?? "", /event-stream/);
      const [last] = body.text
        .split("\n\n")
        .filter((event) => event.startsWith("data: "))
        .slice(-1);
      assert.deepEqual(JSON.parse(last?.slice(6) ?? "").state, "done");
    }
    const text = (await here.ask<{ text: string }>("GET", `/api/searchctrl/${id}/lines`)).body.text;
    const { headers } = here;
    for (const { address } of [a, b]) {
      const head = async (view: string) => await fetch(`${address}/api/searchctrl/${id}/${view}`, { method: "HEAD", headers });
      assert.equal((await head("progress")).status, 405, "it would go on without anybody");
      const lines = await head("lines");
      assert.deepEqual([lines.status, lines.headers.get("content-length")], [200, String(Buffer.byteLength(text))]);
    }
  });

  it("are opened by who may see them, on both webservers, and by nobody else", async () => {
    const gid = Number((await a.bus.collection("groups").put({ name: "team" })).id);
    const owner = await someone("dora");
    const member = await someone("emil", { groups: [gid] });
    const stranger = await someone("fred");
    const id = await searched(owner.here, { query: "first", readers: { groups: [gid] } });
    await b.bus.caughtUp();
    for (const client of [owner.here, owner.there, member.here, member.there]) assert.equal((await lines(client, id)).length, 1);
    for (const client of [stranger.here, stranger.there])
      for (const path of ["", "/lines", "/progress"])
        assert.equal((await client.ask("GET", `/api/searchctrl/${id}${path}`)).status, 404, path);
    for (const client of [member.there, stranger.there])
      for (const [method, path] of [
        ["POST", "/stop"],
        ["DELETE", ""],
      ] as const)
        assert.ok([403, 404].includes((await client.ask(method, `/api/searchctrl/${id}${path}`)).status));
    assert.equal((await owner.there.ask("DELETE", `/api/searchctrl/${id}`)).status, 200);
    await eventually(
      "its lines are gone",
      SOON_MS,
      async () => (await owner.here.ask("GET", `/api/searchctrl/${id}/lines`)).status === 404,
    );
  });

  it("are given to other webservers alone, for the user and the result that they name", async () => {
    const { here, uid } = await someone("gina");
    const id = await searched(here, { query: "first" });
    const other = await searched(here, { query: "third" });
    const { items } = await a.bus.collection("signingkeys").list();
    const { kid, key } = items.at(-1)?.doc ?? {};
    const token = (claims: object, audience = "frontsync-peer") =>
      new SignJWT({
        jti: id,
        sub: String(uid),
        iat: Math.floor(Date.now() / 1000),
        exp: Math.floor(Date.now() / 1000) + 60,
        ...claims,
      })
        .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: String(kid) })
        .setIssuer("frontsync")
        .setAudience(audience)
        .sign(Buffer.from(String(key), "base64url"));
    const ask = async (authorization: string, result = id) =>
      (await new Client(a, { authorization: `Bearer ${authorization}` }).ask("GET", `/api/peer/results/${result}/lines`)).status;
    assert.equal(await ask(await token({})), 200, "the right token works");
    assert.equal(await ask(await token({}), other), 401);
    assert.equal(await ask(await token({}, "frontsync-webserver")), 401, "a session is no webserver");
    assert.equal(await ask(await token({ exp: 1 })), 401);
    assert.equal(await ask(await token({ sub: "99999" })), 403);
    assert.equal(await ask(""), 401);
    assert.equal((await new Client(a, { authorization: `Bearer ${await token({})}` }).ask("GET", "/api/users/me")).status, 401);
    const elsewhere = new Client(b, { authorization: `Bearer ${await token({})}` });
    assert.equal((await elsewhere.ask("GET", `/api/peer/results/${id}/lines`)).status, 404, "it is not sent on");
  });

  it("have results of 100 MB that are cut in the middle and continued, through the other webserver", async () => {
    const big = createWriteStream(join(logs, "big.log"));
    const hash = createHash("sha256");
    for (let n = 0; n < BIG_LINES; n++) if (!big.write(`2026-02-01T00:00:00Z big n=${n} ${PAD}\n`)) await once(big, "drain");
    big.end();
    await once(big, "close");
    const { here, there } = await someone("hans");
    const id = await searched(here, { query: "big", from: "2026-02-01T00:00:00Z" });
    const size = Number((await there.ask("GET", `/api/searchctrl/${id}`)).body.bytes);
    assert.ok(size > 95_000_000, String(size));
    const url = `${b.address}/api/searchctrl/${id}/lines`;
    const headers = there.headers;
    const before = process.memoryUsage.rss();
    const cut = new AbortController();
    let received = 0;
    const first = await fetch(url, { headers, signal: cut.signal });
    try {
      for await (const chunk of first.body as unknown as AsyncIterable<Uint8Array>) {
        const kept = chunk.subarray(0, size / 2 - received);
        hash.update(kept);
        received += kept.length;
        if (received >= Math.floor(size / 2)) cut.abort();
      }
    } catch (error) {
      assert.equal((error as Error).name, "AbortError");
    }
    const second = await fetch(url, {
      headers: { ...headers, range: `bytes=${received}-`, "if-range": first.headers.get("etag") ?? "" },
    });
    assert.deepEqual([second.status, second.headers.get("content-range")], [206, `bytes ${received}-${size - 1}/${size}`]);
    for await (const chunk of second.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      received += chunk.length;
    }
    assert.equal(received, size);
    const expected = createHash("sha256");
    for await (const chunk of (await fetch(`${a.address}/api/searchctrl/${id}/lines`, { headers }))
      .body as unknown as AsyncIterable<Uint8Array>)
      expected.update(chunk);
    assert.equal(hash.digest("hex"), expected.digest("hex"));
    assert.ok(process.memoryUsage.rss() - before < 150_000_000, "of both webservers and the client together");
    assert.equal((await fetch(url, { headers: { ...headers, range: `bytes=${size}-` } })).status, 416);
  });

  it("are refused when results take all the room that they may, until some are deleted", async () => {
    const few = join(web.deployment.dir, "few-logs");
    mkdirSync(few);
    writeFileSync(join(few, "a.log"), "2026-01-02T00:00:00Z a line with status=500\n");
    const small = await web.open("small", { logs: few, resultsMaxSize: 300 });
    const client = (await someone("collector")).here.at(small);
    const search = async (): Promise<{ id: unknown; why: string }> => {
      const { status, body } = await client.ask("POST", "/api/searchctrl", { query: "status=500", saved: true });
      if (status !== 201) return { id: undefined, why: `${status} ${body.code} ${body.message}` };
      const ended = await eventually("it has ended", SOON_MS, async () => {
        const { body: now } = await client.ask("GET", `/api/searchctrl/${body.id}`);
        return now.state !== "running" && now;
      });
      return { id: body.id, why: String(ended.fault ?? "") };
    };
    const made: unknown[] = [];
    let why = "";
    for (let tries = 0; why === "" && tries < 20; tries++) {
      const { id, why: refused } = await search();
      if (id !== undefined) made.push(id);
      why = refused;
    }
    assert.match(why, /may take 300 bytes/);
    assert.ok(made.length >= 2);
    for (const id of made) assert.equal((await client.ask("DELETE", `/api/searchctrl/${id}`)).status, 200);
    await eventually("there is room again", SOON_MS, async () => (await search()).why === "");
    assert.throws(() => new ResultStore(few, 10).checkRoom(11), { code: "DISK_FULL", limit: 10 });
  });

  it("can be stopped through the other webserver, and say which webserver holds the result when it is down", async () => {
    const { here, there } = await someone("ines");
    const { body } = await here.ask("POST", "/api/searchctrl", { query: "-nothing", background: true });
    const id = String(body.id);
    await b.bus.caughtUp();
    const stopped = await there.ask("POST", `/api/searchctrl/${id}/stop`);
    assert.equal(stopped.status, 200, JSON.stringify(stopped.body));
    await eventually("it ends", SOON_MS, async () =>
      ["stopped", "done"].includes(String((await there.ask("GET", `/api/searchctrl/${id}`)).body.state)),
    );
    await a.close();
    const away = await there.ask("GET", `/api/searchctrl/${id}/lines`);
    assert.deepEqual([away.status, away.body.code], [502, "WEBSERVER_UNREACHABLE"], JSON.stringify(away.body));
    assert.match(String(away.body.message), /'web1'/);
  });
});
