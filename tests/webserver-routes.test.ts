// Goal: what users know of the product's API works, with their rights and no others. Method: one webserver with two users and an admin, asked over
// HTTP; every collection that is owned and shareable by the same steps.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import type { Webserver } from "../apps/webserver/index.ts";
import { FrontsyncError } from "../bus/index.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { overriding } from "./support/overriding.ts";
import { type Answer, Client, PASSWORD, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 60_000;
const SHARED = ["dashboards", "macros", "templates", "playbooks", "queries"];

describe("the webserver's API", () => {
  let web: Web;
  let server: Webserver;
  let [anna, bert, admin]: Client[] = [];
  let [annasUid, bertsUid] = [0, 0];
  const as = (client: Client | undefined) => client as Client;
  const statusOf = (answer: Answer, expected: number, what = "") =>
    assert.equal(answer.status, expected, `${what} ${JSON.stringify(answer.body)}`);
  before(async () => {
    web = await webservers(1);
    [server] = web.servers as [Webserver];
    [annasUid, bertsUid] = [await web.user("anna"), await web.user("bert")];
    [anna, bert, admin] = [new Client(server), new Client(server), new Client(server)];
    await anna.login("anna");
    await bert.login("bert");
    await admin.login("admin", "changeme");
  });
  after(() => web[Symbol.asyncDispose]());

  for (const name of SHARED)
    it(`creates, lists, reads, changes, clones and deletes ${name}, for the owner alone until they are shared`, async () => {
      const path = `/api/${name}`;
      const made = await as(anna).ask("POST", path, { name: "First", labels: ["a"] });
      statusOf(made, 201);
      const one = `${path}/${made.body.id}`;
      const read = await as(anna).ask("GET", one);
      assert.deepEqual([read.body.name, read.body.ownerId, read.body.lastModifiedBy], ["First", annasUid, annasUid]);
      assert.equal(read.headers.get("etag"), `"${made.body.revision}"`);
      for (const [method, body] of [
        ["GET"],
        ["PATCH", { name: "Mine" }],
        ["PUT", { name: "Mine" }],
        ["DELETE"],
        ["POST", {}],
      ] as const) {
        const at = method === "POST" ? `${one}/clone` : one;
        statusOf(await as(bert).ask(method, at, body), 404, method);
      }
      const taken = await as(bert).ask("POST", path, { id: made.body.id, name: "Mine" });
      assert.ok([404, 409].includes(taken.status) && !JSON.stringify(taken.body).includes("First"), JSON.stringify(taken));

      statusOf(await as(anna).ask("PATCH", one, { description: "More" }), 200);
      const stale = await as(anna)
        .with({ "if-match": `"${made.body.revision}"` })
        .ask("PUT", one, { name: "Late" });
      assert.deepEqual([stale.status, stale.body.code], [409, "REVISION_CONFLICT"]);
      statusOf(await as(anna).ask("PUT", one, { id: "another", name: "Late" }), 400);
      statusOf(await as(anna).ask("PATCH", one, { readers: { users: [bertsUid] } }), 200);
      assert.equal((await as(bert).ask("GET", one)).body.description, "More");
      statusOf(await as(bert).ask("PATCH", one, { name: "Mine" }), 403);
      assert.equal((await as(anna).ask("PATCH", one, { readers: { global: true } })).body.code, "GLOBAL_NEEDS_ADMIN");

      const copied = await as(bert).ask("POST", `${one}/clone`, {});
      statusOf(copied, 201);
      const copy = (await as(bert).ask("GET", `${path}/${copied.body.id}`)).body;
      assert.deepEqual([copy.name, copy.ownerId, copy.readers], ["Copy of First", bertsUid, undefined]);
      assert.equal((await as(bert).ask("GET", `${path}/lookup/${encodeURIComponent("Copy of First")}`)).body.id, copied.body.id);
      const page = await as(anna).ask<{ items: { id: string }[] }>("GET", `${path}?ownerId=${annasUid}&sort=-updatedAt&limit=10`);
      assert.deepEqual(
        page.body.items.map(({ id }) => id),
        [made.body.id],
      );
      const versions = await as(anna).ask<{ items: { doc: { description?: string } }[] }>("GET", `${one}/versions`);
      assert.equal(versions.body.items.at(-1)?.doc.description, undefined);
      assert.ok(versions.body.items.length >= 3);
      statusOf(await as(anna).ask("DELETE", one), 200);
      statusOf(await as(anna).ask("GET", one), 404);
    });

  it("repeats a write with the same Idempotency-Key once", async () => {
    const again = as(anna).with({ "idempotency-key": "the-same" });
    const [first, second] = [
      await again.ask("POST", "/api/macros", { name: "Once" }),
      await again.ask("POST", "/api/macros", { name: "Once" }),
    ];
    assert.equal(second.body.id, first.body.id);
    const other = await as(bert).with({ "idempotency-key": "the-same" }).ask("POST", "/api/macros", { name: "Other" });
    assert.notEqual(other.body.id, first.body.id);
    statusOf(await as(anna).with({ "idempotency-key": "a b" }).ask("POST", "/api/macros", { name: "No" }), 400);
  });

  it("explains what is wrong with a request", async () => {
    for (const [method, path, body, status, code, where] of [
      ["POST", "/api/dashboards", { name: 1 }, 400, "SCHEMA_INVALID", "/name"],
      ["POST", "/api/dashboards", [], 400, "BAD_MESSAGE", ""],
      ["GET", "/api/dashboards?limit=0", undefined, 400, "BAD_MESSAGE", undefined],
      ["GET", "/api/dashboards?limit=x", undefined, 400, "BAD_MESSAGE", "/limit"],
      ["GET", "/api/dashboards?description=x", undefined, 400, "UNKNOWN_INDEX", undefined],
      ["GET", "/api/users?password=x", undefined, 400, "UNKNOWN_INDEX", undefined],
      ["GET", "/api/dashboards?name=a&name=b", undefined, 400, "BAD_MESSAGE", "/name"],
      ["GET", "/api/nothing", undefined, 404, "NOT_FOUND", undefined],
      ["GET", "/api/signingkeys", undefined, 404, "NOT_FOUND", undefined],
      ["GET", "/api/users/abc", undefined, 404, "NOT_FOUND", undefined],
      ["PUT", "/api/users/me/pwd", { password: "" }, 400, "BAD_MESSAGE", "/password"],
      ["PUT", "/api/users/me/pwd", { password: "new", current: "wrong" }, 422, "LOGIN_FAILED", "/current"],
    ] as const) {
      const answer = await as(anna).ask(method, path, body);
      statusOf(answer, status, path);
      assert.equal(answer.body.code, code, path);
      if (where !== undefined) assert.equal(answer.body.path, where, path);
    }
  });

  it("lets admins make, change, lock and delete users, and others only see them", async () => {
    const made = await as(admin).ask("POST", "/api/users", { user: "newcomer", name: "New" });
    statusOf(made, 201);
    const one = `/api/users/${made.body.id}`;
    const group = await as(admin).ask("POST", "/api/groups", { name: "crew" });
    for (const [method, path, body] of [
      ["PUT", `${one}/pwd`, { password: "first pass" }],
      ["PUT", `${one}/admin`],
      ["DELETE", `${one}/admin`],
      ["PUT", `${one}/group`, { groups: [Number(group.body.id)] }],
      ["PUT", `/api/groups/${group.body.id}/members`, { members: [Number(made.body.id), annasUid] }],
      ["PATCH", one, { email: "new@example.com" }],
      ["PUT", `${one}/lock`],
      ["DELETE", `${one}/lock`],
      ["DELETE", `${one}/sessions`],
    ] as const) {
      statusOf(await as(bert).ask(method, path, body), 403, `${method} ${path}`);
      statusOf(await as(admin).ask(method, path, body), 200, `${method} ${path}`);
    }
    // A slip of the pen takes nobody out of their groups.
    for (const body of [{}, { group: [1] }, { groups: null }, { groups: 1 }])
      statusOf(await as(admin).ask("PUT", `${one}/group`, body), 400, JSON.stringify(body));
    const seen = (await as(bert).ask("GET", one)).body;
    assert.deepEqual([seen.email, seen.password, seen.groups], ["new@example.com", undefined, [Number(group.body.id)]]);
    assert.deepEqual((await as(bert).ask("GET", `/api/groups/${group.body.id}/members`)).body.members, [
      annasUid,
      Number(made.body.id),
    ]);
    assert.deepEqual((await as(bert).ask("GET", "/api/users/me/group")).body, { groups: [] });
    const newcomer = new Client(server);
    statusOf(await newcomer.login("newcomer", "first pass"), 200);
    statusOf(await newcomer.ask("PATCH", "/api/users/me", { name: "Newer" }), 200);
    statusOf(await newcomer.ask("PATCH", "/api/users/me", { admin: true }), 403);
    statusOf(await newcomer.ask("PUT", "/api/users/me/pwd", { password: "second pass", current: "first pass" }), 200);
    statusOf(await newcomer.ask("GET", "/api/users/me"), 401, "its sessions are over");
    statusOf(await as(admin).ask("DELETE", one), 200);
    statusOf(await as(admin).ask("PUT", "/api/users/1/lock"), 403);
    statusOf(await as(admin).ask("PUT", "/api/users/77777/lock"), 404);
  });

  it("makes a user who can log in by one request, and by the same one again when only half was done", async () => {
    const path = "/api/users";
    const made = await as(admin).ask("POST", path, { user: "ready", name: "Ready", password: "a first pass" });
    statusOf(made, 201);
    assert.ok(!JSON.stringify(made.body).includes("pass"));
    const ready = new Client(server);
    statusOf(await ready.login("ready", "a first pass"), 200);
    assert.equal((await ready.ask("GET", "/api/users/me")).body.password, undefined);
    for (const password of ["", 7, null, "x".repeat(1025)]) {
      const { status, body } = await as(admin).ask("POST", path, { user: "never", password });
      assert.deepEqual([status, body.code, body.path], [400, "BAD_MESSAGE", "/password"]);
    }
    statusOf(await as(bert).ask("POST", path, { user: "never", password: "x" }), 403);
    const { items } = (await as(admin).ask<{ items: { user: string }[] }>("GET", `${path}?user=never`)).body;
    assert.deepEqual(items, [], "a bad password makes no user");

    const keyed = as(admin).with({ "idempotency-key": "make-late" });
    const call = server.bus.call;
    server.bus.call = async () => {
      throw new FrontsyncError("TIMEOUT", "No answer.");
    };
    const half = await keyed.ask("POST", path, { user: "late", password: "a late pass" }).finally(() => {
      server.bus.call = call;
    });
    assert.deepEqual([half.status, half.body.code], [504, "TIMEOUT"]);
    assert.match(String(half.body.message), /^The user \d+ is made, and has no password yet: .* same Idempotency-Key/);
    const late = new Client(server);
    statusOf(await late.login("late", "a late pass"), 422);
    const whole = await keyed.ask("POST", path, { user: "late", password: "a late pass" });
    statusOf(whole, 201);
    assert.ok(String(half.body.message).includes(`The user ${whole.body.id} `), "the same one");
    statusOf(await late.login("late", "a late pass"), 200);
  });

  it("keeps preferences for their user and admins", async () => {
    statusOf(await as(anna).ask("PUT", "/api/preferences/prefs", { data: { dark: true } }), 200);
    const path = `/api/users/${annasUid}/preferences`;
    assert.deepEqual((await as(admin).ask("GET", `${path}/prefs`)).body.data, { dark: true });
    statusOf(await as(bert).ask("GET", `${path}/prefs`), 404);
    statusOf(await as(bert).ask("PUT", `${path}/prefs`, { data: 1 }), 404);
    statusOf(await as(bert).ask("PUT", `${path}/more`, { data: 1 }), 403);
    assert.deepEqual((await as(bert).ask("GET", path)).body.items, []);
    assert.equal((await as(anna).ask<{ items: unknown[] }>("GET", "/api/preferences")).body.items.length, 1);
    statusOf(await as(anna).ask("DELETE", "/api/preferences/prefs"), 200);
  });

  it("shows and clears the search history of whoever asks", async () => {
    const searches = server.bus.asUser(annasUid).collection("searches");
    for (const userQuery of ["tag=a", "tag=b"])
      await searches.put({ userQuery, launched: new Date(1_700_000_000_000 + userQuery.charCodeAt(4) * 1000).toISOString() });
    const queries = async (client: Client | undefined, query = "") =>
      (await as(client).ask<{ items: { userQuery: string }[] }>("GET", `/api/searchhistory${query}`)).body.items.map(
        ({ userQuery }) => userQuery,
      );
    assert.deepEqual(
      [await queries(anna), await queries(bert), await queries(bert, `?uid=${annasUid}`)],
      [["tag=b", "tag=a"], [], []],
    );
    statusOf(await as(anna).ask("DELETE", "/api/searchhistory"), 200);
    assert.deepEqual(await queries(anna), []);
  });

  it("streams resources in and out, whole and in parts, of one version", async () => {
    const content = randomBytes(3_000_000);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const made = await as(anna).ask("POST", "/api/resources", { name: "Ünïcode 'table'.csv", description: "d" });
    statusOf(made, 201);
    const raw = `/api/resources/${made.body.id}/raw`;
    assert.equal((await as(anna).ask("GET", raw)).body.code, "CONTENT_MISSING");
    const form = (bytes: Uint8Array<ArrayBuffer>, field = "file") => {
      const data = new FormData();
      data.append("note", "ignored");
      data.append(field, new Blob([bytes]), "../../etc/passwd");
      return data;
    };
    const up = await as(anna).ask("PUT", raw, form(content));
    statusOf(up, 200);
    assert.deepEqual([up.body.sha256, up.body.size, up.body.version], [sha256, content.length, 1]);
    statusOf(await as(anna).ask("PUT", raw, form(content, "other")), 400);
    statusOf(await as(anna).ask("PUT", raw, { file: "x" }), 400);
    const small = await web.open("small", { resourceMaxSize: 1000 });
    statusOf(await as(anna).at(small).ask("PUT", raw, form(content)), 413);
    statusOf(await as(bert).ask("PUT", raw, form(content)), 404);
    statusOf(await as(bert).ask("GET", raw), 404);

    const { token } = { token: String((await new Client(server).login("anna")).body.JWT) };
    const get = (headers: Record<string, string>, method = "GET") =>
      fetch(`${server.address}${raw}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    const whole = await get({});
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), content);
    assert.match(
      whole.headers.get("content-disposition") ?? "",
      /^attachment; filename\*=UTF-8''%C3%9Cn%C3%AFcode%20%27table%27\.csv$/,
    );
    const etag = whole.headers.get("etag") ?? "";
    const size = content.length;
    for (const [headers, status, start, end] of [
      [{ range: "bytes=0-9" }, 206, 0, 10],
      [{ range: `bytes=${size - 5}-` }, 206, size - 5, size],
      [{ range: "bytes=-7" }, 206, size - 7, size],
      [{ range: `bytes=10-${size * 2}` }, 206, 10, size],
      [{ range: "bytes=0-0", "if-range": etag }, 206, 0, 1],
      [{ range: "bytes=0-9", "if-range": '"other"' }, 200, 0, size],
      [{ range: "bytes=0-1,5-6" }, 200, 0, size],
      [{ range: "bytes=9-1" }, 200, 0, size],
      [{ range: "lines=1-2" }, 200, 0, size],
    ] as [Record<string, string>, number, number, number][]) {
      const part = await get(headers);
      const what = JSON.stringify(headers);
      assert.equal(part.status, status, what);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(start, end), what);
      if (status === 206) assert.equal(part.headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`, what);
    }
    const over = await get({ range: `bytes=${size}-` });
    assert.deepEqual([over.status, over.headers.get("content-range")], [416, `bytes */${size}`]);
    const head = await get({}, "HEAD");
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(size), ""]);
    assert.equal((await get({ "if-none-match": etag })).status, 304);

    const found = await as(anna).ask("GET", `/api/resources/lookup/${encodeURIComponent("Ünïcode 'table'.csv")}`);
    assert.deepEqual([found.body.id, found.body.size], [made.body.id, size]);
    const copy = await as(anna).ask("POST", `/api/resources/${made.body.id}/clone`, { name: "copy" });
    statusOf(copy, 201);
    assert.equal((await as(anna).ask("GET", `/api/resources/${copy.body.id}`)).body.sha256, sha256);
  });

  it("changes the content alone when it is uploaded: a name that is given meanwhile stays", async (t) => {
    const made = await as(anna).ask("POST", "/api/resources", { name: "before" });
    const path = `/api/resources/${made.body.id}`;
    async function* body() {
      yield Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nbytes');
      await eventually("the upload is under way", SOON_MS, () => begun > 0);
      statusOf(await as(anna).ask("PATCH", path, { name: "after" }), 200);
      yield Buffer.from("\r\n--x--\r\n");
    }
    let begun = 0;
    const { asUser } = server.bus;
    t.mock.method(server.bus, "asUser", (uid: number) => {
      const scope = asUser.call(server.bus, uid);
      const upload: typeof scope.resources.upload = (...asked) => {
        begun++;
        return scope.resources.upload(...asked);
      };
      return overriding(scope, { resources: { ...scope.resources, upload } });
    });
    const up = await fetch(`${server.address}${path}/raw`, {
      ...{ method: "PUT", body: ReadableStream.from(body()), duplex: "half" },
      headers: { ...as(anna).headers, "content-type": "multipart/form-data; boundary=x" },
    });
    assert.equal(up.status, 200, await up.text());
    const { body: now } = await as(anna).ask("GET", path);
    assert.deepEqual([now.name, now.size, now.version], ["after", 5, 1]);
  });

  it("answers headers and bytes of one version when a content is replaced while it is opened", async (t) => {
    const { resources } = server.bus.asUser(annasUid);
    const upload = (bytes: string, id?: string) =>
      resources.upload(Readable.from([Buffer.from(bytes)]), { name: "r" }, { ...(id && { id }) });
    const { asUser } = server.bus;
    for (const [headers, status, range, text] of [
      [{ range: "bytes=2-5", "if-range": "before" }, 200, null, "12345"],
      [{ range: "bytes=2-" }, 206, "bytes 2-4/5", "345"],
      [{ range: "bytes=7-8" }, 416, "bytes */5", undefined],
    ] as const) {
      const { id, sha256 } = await upload("abcdefghij");
      let replaced = false;
      const mocked = t.mock.method(server.bus, "asUser", (uid: number) => {
        const scope = asUser.call(server.bus, uid);
        const open: typeof resources.open = async (...asked) => {
          if (!replaced) await upload("12345", id);
          replaced = true;
          return await scope.resources.open(...asked);
        };
        return overriding(scope, { resources: { ...scope.resources, open } });
      });
      const sent = { ...headers, ...("if-range" in headers && { "if-range": `"${sha256}"` }) };
      const answer = await fetch(`${server.address}/api/resources/${id}/raw`, { headers: { ...as(anna).headers, ...sent } });
      mocked.mock.restore();
      assert.deepEqual([answer.status, answer.headers.get("content-range")], [status, range], JSON.stringify(headers));
      if (text !== undefined) assert.equal(await answer.text(), text);
      else assert.equal(answer.headers.get("content-disposition"), null, "a refusal is no file");
    }
  });

  it("describes itself, every route, as docs/openapi.json says", async () => {
    const { readFile } = await import("node:fs/promises");
    const { body } = await new Client(server).ask("GET", "/api/openapi.json");
    assert.deepEqual(body, JSON.parse(await readFile(new URL("../../docs/openapi.json", import.meta.url), "utf8")));
    assert.equal(PASSWORD.length > 0, true);
  });
});
