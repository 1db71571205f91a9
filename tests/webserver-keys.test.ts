// Goal: whatever a webserver signs counts on every webserver for as long as the session lasts, also around a change of keys, and no key counts for
// ever. Method: the pure rules against a model of many changes of keys, with webservers that are behind by up to the lead (the seed is printed); then
// two webservers that change keys while somebody is logged in.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeProtectedHeader } from "jose";
import type { Webserver } from "../apps/webserver/index.ts";
import { SigningKeys } from "../apps/webserver/sessions/keys.ts";
import { countingKeys, isRotationDue, type PublishedKey, signingKey } from "../apps/webserver/sessions/lifetimes.ts";
import { Tokens } from "../apps/webserver/sessions/tokens.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Client, webservers } from "./support/webservers.ts";

/** A webserver waits a second for a key that it does not know: a slow machine may take longer. */
const SOON_MS = 60_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** As many keys as there are places for. */
const PLACES = 3;
const START = Date.parse("2026-01-01T00:00:00Z");

const keyAt = (publishedAt: number): PublishedKey => ({ kid: `k${publishedAt}`, secret: new Uint8Array(32), publishedAt });

describe("signing keys", () => {
  it("count for every session that they signed, on every webserver, and end", () => {
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
    console.log(`SEED=${seed}`);
    const times = fc.record({
      sessionMs: fc.integer({ min: MINUTE, max: 10 * DAY }),
      leadMs: fc.integer({ min: 1000, max: 10 * MINUTE }),
      // How long after it was due each change of keys came.
      delays: fc.array(fc.integer({ min: 0, max: 3 * DAY }), { minLength: 1, maxLength: 6 }),
      signedAfter: fc.double({ min: 0, max: 1, noNaN: true }),
      usedAfter: fc.double({ min: 0, max: 1, noNaN: true }),
      behind: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
    });
    const holds = fc.property(times, ({ sessionMs, leadMs, delays, signedAfter, usedAfter, behind }) => {
      const lifetimes = { sessionMs, leadMs };
      const published = [keyAt(START)];
      for (const delay of delays) {
        const last = published.at(-1) as PublishedKey;
        let due = last.publishedAt;
        // The first moment at which it is due, to the hour.
        while (!isRotationDue(published, lifetimes, due)) due += HOUR;
        published.push(keyAt(due + delay));
      }
      const end = (published.at(-1) as PublishedKey).publishedAt + DAY;
      const seen = (now: number, share: number) => {
        const known = published.filter(({ publishedAt }, at) => at === 0 || publishedAt + share * leadMs <= now);
        return known.slice(-PLACES);
      };
      const signedAt = START + signedAfter * (end - START);
      const key = signingKey(seen(signedAt, behind[0]), lifetimes, signedAt);
      assert.ok(key);
      const usedAt = signedAt + usedAfter * sessionMs;
      assert.ok(countingKeys(seen(usedAt, behind[1]), lifetimes, usedAt).some(({ kid }) => kid === key.kid));
      const counting = countingKeys(published, lifetimes, end + sessionMs + leadMs + 2 * MINUTE);
      assert.deepEqual(
        counting.map(({ kid }) => kid),
        [published.at(-1)?.kid],
        "the others have ended",
      );
    });
    fc.assert(holds, { seed, numRuns: 300 });
  });

  it("change while people are logged in, on all webservers, and nobody notices", async () => {
    await using web = await webservers(2);
    const [a, b] = web.servers as [Webserver, Webserver];
    await web.user("anna");
    const before = new Client(a);
    const first = decodeProtectedHeader(String((await before.login("anna")).body.JWT)).kid;
    assert.equal((await before.at(b).ask("GET", "/api/users/me")).status, 200);

    // With no lead a new key signs at once: what is signed with it reaches the other webserver before the key may have.
    const keys = new SigningKeys(a.bus, { sessionMs: 60 * MINUTE, leadMs: 0 });
    const tokens = new Tokens(keys, async () => {});
    const uid = 1;
    const session = { id: "s", uid, issuedAt: new Date().toISOString(), expiresAt: new Date(Date.now() + HOUR).toISOString() };
    for (let round = 0; round < PLACES + 1; round++) {
      await keys.rotate();
      const token = await tokens.sign(session);
      assert.notEqual(decodeProtectedHeader(token).kid, first);
      for (const server of [b, a]) {
        const client = new Client(server, { authorization: `Bearer ${token}` });
        await eventually(
          `it counts in round ${round}`,
          SOON_MS,
          async () => (await client.ask("GET", "/api/users/me")).body.uid === uid,
        );
      }
      // The first one counts until its place is taken: after two changes.
      if (round < PLACES - 1) assert.equal((await before.at(b).ask("GET", "/api/users/me")).status, 200, `round ${round}`);
    }
    assert.equal((await before.ask("GET", "/api/users/me")).status, 401);
    const { items } = await b.bus.collection("signingkeys").list();
    assert.equal(items.length, PLACES);
    // No user sees a key, and no admin either.
    const admin = b.bus.asUser(1).collection("signingkeys");
    assert.deepEqual([await admin.get("0"), (await admin.list()).items], [undefined, []]);
    await assert.rejects(admin.patch("0", { kid: first ?? "" }), { code: "NOT_FOUND" });
  });

  it("are published once when many webservers need the first one at the same moment", async () => {
    await using web = await webservers(3);
    await web.user("anna");
    const clients = web.servers.map((server) => new Client(server));
    await Promise.all(clients.map((client) => client.login("anna")));
    for (const client of clients)
      for (const server of web.servers)
        await eventually("it counts", SOON_MS, async () => (await client.at(server).ask("GET", "/api/users/me")).status === 200);
    const { items } = await (web.servers[0] as Webserver).bus.collection("signingkeys").list();
    assert.equal(items.length, 1);
  });
});
