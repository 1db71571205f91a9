// Goal: a login on one webserver counts on all of them, and so does what ends it; no other token counts anywhere. Method: two webservers on one
// datastore, asked over HTTP as users ask them; tokens are forged with every key and claim that a stranger could think of.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { base64url, decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import type { Webserver } from "../apps/webserver/index.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Client, cookieOf, PASSWORD, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 60_000;
const ME = "/api/users/me";

describe("sessions of two webservers", () => {
  let web: Web;
  let [a, b]: Webserver[] = [];
  before(async () => {
    web = await webservers(2, { loginFailLockCount: 3 });
    [a, b] = web.servers;
  });
  after(() => web[Symbol.asyncDispose]());

  const client = (server: Webserver | undefined, headers = {}) => new Client(server as Webserver, headers);
  async function loggedIn(name: string) {
    const uid = await web.user(name);
    const here = client(a);
    const answer = await here.login(name);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const there = here.at(b as Webserver);
    // It waits a second for a key that it does not know: a slow machine may take longer.
    await eventually("the other webserver knows the key", SOON_MS, async () => (await there.ask("GET", ME)).status === 200);
    return { uid, here, there, token: String(answer.body.JWT), answer };
  }
  const refusedThere = (there: Client) =>
    eventually("the other webserver refuses it", SOON_MS, async () => (await there.ask("GET", ME)).status === 401);

  it("need no login for /api/test, and one for what is a user's", async () => {
    assert.equal((await client(a).ask("GET", "/api/test")).status, 200);
    const { status, body, headers } = await client(a).ask("GET", ME);
    assert.deepEqual([status, body.code, headers.get("www-authenticate")], [401, "NOT_LOGGED_IN", "Bearer"]);
  });

  it("count on every webserver, by header and by cookie", async () => {
    const { uid, here, there, answer } = await loggedIn("anna");
    for (const one of [here, there]) assert.equal((await one.ask("GET", ME)).body.uid, uid);
    const cookie = cookieOf(answer);
    assert.match(answer.headers.getSetCookie().join(), /^frontsync=.+; Path=\/; .*HttpOnly; SameSite=Strict/);
    assert.equal((await client(b, { cookie }).ask("GET", ME)).body.uid, uid);
    assert.equal(answer.body.defaultPassword, false);
  });

  it("of the first start say that the password is to be changed", async () => {
    const answer = await client(a).login("admin", "changeme");
    assert.deepEqual([answer.status, answer.body.defaultPassword, answer.body.admin], [200, true, true]);
  });

  it("are refused with 422 for a wrong password and 423 after too many of them", async () => {
    await web.user("bert");
    for (const expected of [422, 422, 422, 423]) {
      const { status, body } = await client(a).login("bert", "wrong");
      assert.equal(status, expected, JSON.stringify(body));
    }
    assert.equal((await client(b).login("bert")).status, 423);
    assert.equal((await client(a).login("nobody", "wrong")).body.code, "LOGIN_FAILED");
  });

  it("end everywhere at a logout, alone or all together", async () => {
    const { here, there } = await loggedIn("carl");
    const other = client(b);
    await other.login("carl");
    assert.equal((await here.ask("PUT", "/api/logout")).status, 200);
    assert.equal((await here.ask("GET", ME)).status, 401);
    await refusedThere(there);
    assert.equal((await other.ask("GET", ME)).status, 200);
    assert.equal((await other.ask("DELETE", "/api/logout")).status, 200);
    await refusedThere(other.at(a as Webserver));
  });

  it("end everywhere when the user is locked, gets another password, or is deleted", async () => {
    const system = (a as Webserver).bus;
    for (const [name, end] of [
      ["dora", (uid: number) => system.call("users.setLocked", { uid, locked: true })],
      ["emil", (uid: number) => system.call("users.setPassword", { uid, password: "another" })],
      ["fred", (uid: number) => system.collection("users").delete(String(uid))],
    ] as const) {
      const { uid, here, there } = await loggedIn(name);
      await end(uid);
      await refusedThere(there);
      assert.equal((await here.ask("GET", ME)).status, 401, name);
    }
  });

  it("do not count when the token is forged, expired, meant for something else, or no token at all", async () => {
    const { uid, token } = await loggedIn("gina");
    const { kid } = decodeProtectedHeader(token);
    const claims = decodeJwt(token);
    const bus = (a as Webserver).bus;
    const { items } = await bus.collection("signingkeys").list();
    const stored = items.find(({ doc }) => doc.kid === kid)?.doc.key;
    assert.ok(stored);
    const right = base64url.decode(stored);
    const signed = (secret: Uint8Array, header: object, changed: object = {}) =>
      new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: "HS256", typ: "JWT", ...(kid && { kid }), ...header })
        .sign(secret);
    const [head, payload, signature] = token.split(".") as [string, string, string];
    const none = base64url.encode(JSON.stringify({ alg: "none", typ: "JWT", kid }));
    const admin = base64url.encode(JSON.stringify({ ...claims, sub: "1" }));
    const hour = 3600;
    const bad = [
      await signed(new Uint8Array(32), {}),
      await signed(right, { kid: "0".repeat(26) }),
      await signed(right, { kid: undefined }),
      await signed(right, { kid: "__proto__" }),
      await signed(right, { alg: "HS512" }),
      await signed(right, { typ: "other" }),
      await signed(right, {}, { exp: Number(claims.iat) - 1 }),
      await signed(right, {}, { exp: undefined }),
      await signed(right, {}, { aud: "frontsync-search" }),
      await signed(right, {}, { iss: "somebody" }),
      await signed(right, {}, { sub: `2e0${uid}` }),
      await signed(right, {}, { sub: "../1" }),
      await signed(right, {}, { sub: "99999" }),
      await signed(right, {}, { nbf: Number(claims.iat) + hour }),
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${head}.${admin}.${signature}`,
      `${head}.${payload}.`,
      ...["", ".", "..", "a.b.c", "null", token.slice(0, -1), `${token}.`, `${token}a`, "x".repeat(5000)],
    ];
    assert.equal(
      (await client(a, { authorization: `Bearer ${await signed(right, {})}` }).ask("GET", ME)).status,
      200,
      "the forger works",
    );
    for (const one of bad) {
      for (const headers of [{ authorization: `Bearer ${one}` }, { cookie: `frontsync=${one}` }]) {
        const { status, body } = await client(a, headers).ask("GET", ME);
        assert.deepEqual([status, body.code], [401, "NOT_LOGGED_IN"], one.slice(0, 100));
      }
    }
    for (const cookie of [
      "frontsync",
      "frontsync==;;=",
      '="',
      `frontsync="${token}`,
      `FRONTSYNC=${token}`,
      `frontsync=%E0%A4%A; frontsync=1`,
    ])
      assert.equal((await client(a, { cookie }).ask("GET", ME)).status, 401, cookie);
    for (const authorization of ["Bearer", token, `Basic ${token}`, `Bearer ${token} ${token}`])
      assert.equal((await client(a, { authorization }).ask("GET", ME)).status, 401, authorization);
  });

  it("change nothing for a page of another site, whatever cookie the browser sends", async () => {
    const { answer } = await loggedIn("hans");
    const cookie = cookieOf(answer);
    const host = new URL((a as Webserver).address).host;
    for (const [headers, expected] of [
      [{ origin: "https://evil.example" }, 403],
      [{ origin: "null" }, 403],
      [{ origin: `https://${host}` }, 403],
      [{ origin: `http://${host}.evil.example` }, 403],
      [{ "sec-fetch-site": "cross-site" }, 403],
      [{ "sec-fetch-site": "same-site" }, 403],
      [{ "sec-fetch-site": "same-origin", origin: "https://evil.example" }, 403],
      [{ origin: `http://${host}`, "sec-fetch-site": "same-origin" }, 200],
    ] as [Record<string, string>, number][]) {
      const { status, body } = await client(a, { cookie, ...headers }).ask("PUT", "/api/logout");
      assert.equal(status, expected, JSON.stringify(headers));
      if (expected === 403) assert.equal(body.code, "CROSS_SITE");
    }
    const { status } = await client(a, { origin: "https://evil.example" }).ask("POST", "/api/login", {
      User: "hans",
      Pass: PASSWORD,
    });
    assert.equal(status, 403, "nobody is logged in as somebody else");
  });

  it("begin without a datastore where somebody logs in, and count everywhere when it is back", async () => {
    const { here: before } = await loggedIn("ines");
    await web.deployment.stopDatastore();
    await eventually("they know", SOON_MS, () => web.servers.every(({ bus }) => bus.status().state === "degraded"));
    const here = client(a);
    assert.equal((await here.login("ines")).status, 200);
    assert.deepEqual([(await here.ask("GET", ME)).status, (await here.at(b as Webserver).ask("GET", ME)).status], [200, 401]);
    assert.equal((await before.ask("GET", ME)).status, 200, "who was logged in goes on");
    const made = await here.ask("POST", "/api/dashboards", { name: "Made meanwhile" });
    assert.deepEqual([made.status, made.body.revision], [202, null]);
    assert.equal((await here.ask("POST", "/api/groups", { name: "g" })).status, 403);
    assert.equal((await before.ask("DELETE", "/api/logout")).status, 503, "this needs the datastore");
    assert.equal((await before.ask("PUT", "/api/logout")).status, 202);
    assert.equal((await before.ask("GET", ME)).status, 401);
    await web.deployment.restartDatastore();
    const there = here.at(b as Webserver);
    await eventually("the session counts there", SOON_MS, async () => (await there.ask("GET", ME)).status === 200);
    await eventually(
      "the dashboard is there",
      SOON_MS,
      async () => (await there.ask("GET", `/api/dashboards/${made.body.id}`)).status === 200,
    );
    await refusedThere(before.at(b as Webserver));
  });
});
