// Goal: whatever is sent, a webserver answers as it is described, never with a fault of its own, and nobody sees what is another user's. Method: more
// than 5,000 requests drawn from the OpenAPI description (the seed is printed), at least 50 for each route, half of them as each of two users
// whose documents carry markers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import type { Webserver } from "../apps/webserver/index.ts";
import { SigningKeys } from "../apps/webserver/sessions/keys.ts";
import { Tokens } from "../apps/webserver/sessions/tokens.ts";
import { type Asked, type Description, requestOf, routesOf } from "./support/fuzz.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const REQUESTS = 5000;
const PER_ROUTE = 50;
const AT_ONCE = 8;
const HOUR_MS = 3600_000;
const EVENTS = "/api/events";
const LATE = /"code":"(DATASTORE_UNREACHABLE|OUTCOME_UNKNOWN|TIMEOUT)"/;
const COLLECTIONS = ["dashboards", "macros", "templates", "playbooks", "queries", "resources"] as const;

type Collection = (typeof COLLECTIONS)[number];

interface Person {
  uid: number;
  marker: string;
  /** Of the other one: what must never be in an answer. */
  others: string;
  othersUid: number;
  ids: Record<Collection | "conflicts", string>;
  /** Of some documents, as they were at the last look. */
  revisions: string[];
}

/** Documents in every collection, each with the owner's marker where only who may read it sees it; those that are not there any more anew. */
async function furnish({ servers: [server] }: Web, { uid, marker, ids, revisions }: Person): Promise<void> {
  const { bus } = server as Webserver;
  const scope = bus.asUser(uid);
  revisions.length = 0;
  for (const collection of COLLECTIONS) {
    const id = ids[collection];
    const there = await scope.collection(collection).get(id);
    if (there) revisions.push(String(there.revision));
    if (there?.doc.description === marker) continue;
    await scope.collection(collection).put({ id, name: `A thing of ${uid}`, description: marker, labels: [marker] });
    if (collection === "resources") await scope.resources.upload(bytesOf(marker), { name: `A thing of ${uid}` }, { id });
  }
  await scope.collection("preferences").put({ uid, name: "prefs", data: { marker } });
  await scope.collection("searches").put({ userQuery: marker, launched: new Date(0).toISOString() });
  const of = { collection: "dashboards", docId: ids.dashboards, base: 0, winner: 0, by: uid, at: new Date(0).toISOString() };
  await bus.collection("conflicts").put({ id: ids.conflicts, ...of, losing: { id: ids.dashboards, name: marker } });
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Of a stream of events, which has no end, the beginning. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return await response.text();
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.includes("event: status")) break;
  }
  return text;
}

/** Nobody shares anything here: what is shared may be seen. */
function withoutSharing(body: string | undefined, { othersUid }: Person): string | undefined {
  try {
    return JSON.stringify(
      JSON.parse(body ?? "", (key, value: unknown) =>
        key === "users" && Array.isArray(value) ? value.filter((uid) => uid !== othersUid) : value,
      ),
    );
  } catch {
    return body;
  }
}

test("answers everything that can be sent as it is described, and tells nobody of another", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`SEED=${seed}`);
  await using web = await webservers(1, { loginsPerMinute: 10 });
  const [server] = web.servers as [Webserver];
  const uids = [await web.user("anna"), await web.user("bert")];
  const people = uids.map((uid, at): Person => {
    const ids = Object.fromEntries([...COLLECTIONS, "conflicts"].map((name) => [name, `${name}-of-${uid}`])) as Person["ids"];
    const marker = (which: number) => `MARKER-${uids[which]}-${seed}`;
    return {
      uid,
      marker: marker(at),
      others: marker(1 - at),
      othersUid: uids[1 - at] as number,
      ids,
      revisions: [],
    };
  });

  const description = (await new Client(server).ask<Description>("GET", "/api/openapi.json")).body as Description;
  const ajv = new Ajv({ strict: false, formats: { "date-time": true, binary: true } });
  ajv.addSchema(description, "api");
  const keys = new SigningKeys(server.bus, { sessionMs: HOUR_MS, leadMs: 0 });
  const tokens = new Tokens(keys, async () => {});
  const known = (path: string) => (name: string) => [
    ...(name === "name" ? ["prefs", ...people.map(({ uid }) => `A thing of ${uid}`)] : []),
    ...(name === "uid" || name === "gid" ? ["1", "me", ...people.map(({ uid }) => String(uid))] : []),
    ...(name === "id" || name === "guid" ? people.map(({ ids }) => ids[path.split("/")[2] as Collection]) : []),
    ...(name === "revision" ? ["1", ...people.flatMap(({ revisions }) => revisions)] : []),
    ...(name === "mutationId" ? people.map(({ uid }) => `u${uid}:one`) : []),
  ];

  let [sent, done, own] = [0, 0, 0];
  async function ask(
    { method, path, operation }: ReturnType<typeof routesOf>[number],
    asked: Asked,
    person: Person,
  ): Promise<void> {
    const { uid, marker, others } = person;
    const now = Date.now();
    // A session of its own for each: some requests end all.
    const session = {
      id: `s${now}`,
      uid,
      issuedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + HOUR_MS).toISOString(),
    };
    const body = withoutSharing(asked.body, person);
    const once = async () => {
      const response = await fetch(`${server.address}${asked.url}`, {
        method,
        headers: { ...asked.headers, authorization: `Bearer ${await tokens.sign(session)}` },
        ...(body !== undefined && method !== "GET" && { body }),
      });
      return { response, text: await textOf(response) };
    };
    let { response, text } = await once();
    // On a machine that stands still the datastore may be out of reach for a moment: then it is asked once more.
    for (let n = 0; n < 3 && /^50[34]$/.test(`${response.status}`) && LATE.test(text); n++) {
      await eventually("in step again", 60_000, () => server.bus.status().state === "synced");
      ({ response, text } = await once());
    }
    const what = () =>
      `${method} ${asked.url} ${JSON.stringify(asked.headers)} ${body?.slice(0, 300)} → ${response.status} ${text.slice(0, 300)}`;
    assert.ok(response.status < 500, what());
    assert.ok(!`${text}${JSON.stringify([...response.headers])}`.includes(others), `another one's marker: ${what()}`);
    sent++;
    if (response.ok) done++;
    if (text.includes(marker)) own++;
    if (!response.headers.get("content-type")?.startsWith("application/json")) {
      assert.ok(path.endsWith("/raw") || path === EVENTS || text === "", what());
      return;
    }
    const kind = response.status < 300 ? Object.keys(operation.responses).find((code) => code.startsWith("2")) : "4XX";
    const at = `api#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D")}/${method.toLowerCase()}/responses/${kind}/content/application~1json/schema`;
    const validate = ajv.getSchema(at);
    assert.ok(validate?.(JSON.parse(text)), `${ajv.errorsText(validate?.errors)}: ${what()}`);
  }

  const routes = routesOf(description);
  const perRoute = Math.max(PER_ROUTE, Math.ceil(REQUESTS / routes.length));
  for (const [index, route] of routes.entries()) {
    for (const person of people) await furnish(web, person);
    const drawn = fc.sample(requestOf(description, route, known(route.path)), { seed: seed + index, numRuns: perRoute });
    const tasks = drawn.entries();
    const work = async () => {
      for (const [at, asked] of tasks) {
        await ask(route, asked, people[at % people.length] as Person);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }
  assert.ok(sent >= REQUESTS, `${sent} requests`);
  // Else nothing of this would say anything.
  assert.ok(done > sent / 5, `${done} of ${sent} were done`);
  assert.ok(own > 100, `${own} answers had one's own marker`);
});
