/** Two webservers at real addresses with what people would have on them, for looking at the console. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Webserver } from "../../apps/webserver/index.ts";
import { SOON_MS } from "./browser.ts";
import { eventually } from "./nats-server-kit.ts";
import { makeGroup } from "./people.ts";
import { type Web, webservers } from "./webservers.ts";

export interface Place extends AsyncDisposable {
  web: Web;
  a: Webserver;
  b: Webserver;
  /** uids. */
  anna: number;
  ben: number;
}

/** anna is an admin, ben is not. */
export async function twoWebservers(): Promise<Place> {
  const web = await webservers(0);
  try {
    const logs = join(web.deployment.dir, "logs");
    mkdirSync(logs);
    writeFileSync(join(logs, "access.log"), accessLog());
    const open = async (name: string) => await web.openReal(name, { logs, updateInterval: 0.5 });
    const [a, b] = [await open("web1"), await open("web2")];
    const knows = (server: Webserver, name: string) => server.bus.status().peers.some(({ webserver }) => webserver === name);
    await eventually("each knows the other", SOON_MS, () => knows(a, "web2") && knows(b, "web1"));
    const group = await makeGroup(a.bus, { name: "Operations", description: "Those who are called at night" });
    await makeGroup(a.bus, { name: "Security" });
    const anna = await web.user("anna", { name: "Anna Lind", email: "anna@example.com", admin: true, groups: [group] });
    const ben = await web.user("ben", { name: "Ben Okafor", groups: [group] });
    return { web, a, b, anna, ben, [Symbol.asyncDispose]: () => web[Symbol.asyncDispose]() };
  } catch (error) {
    await web[Symbol.asyncDispose]();
    throw error;
  }
}

/** Dashboards, a resource, a result, a conflict: something on each page. */
export async function furnish(place: Place): Promise<void> {
  const { a, anna, ben } = place;
  const mine = a.bus.asUser(anna);
  const shared = { readers: { groups: [1] }, writers: { users: [ben] } };
  const boards = [
    ["web-traffic", "Web traffic", "Requests, errors and slow pages of the shop", ["web", "shop"], TRAFFIC],
    ["logins", "Failed logins", "Who tries, and from where", ["security"], [["By user", "bar", "result=failed"]]],
    ["disks", "Disk space", "", ["hosts"], [["Fullest disks", "table", "used=9*"]]],
    ["mail", "Mail queue", "What waits, and for how long", ["mail"], [["Waiting", "number", "state=queued"]]],
  ] as const;
  for (const [id, name, description, labels, panels] of boards)
    await mine.collection("dashboards").put({
      ...{
        id,
        name,
        description,
        labels: [...labels],
        ...((id === "web-traffic" || id === "disks") && shared),
        ...(id === "mail" && { readers: { global: true } }),
      },
      data: { panels: panels.map(([title, chart, search], n) => ({ id: `p${n}`, title, chart, search })) },
    });
  await conflict(place);
  const file = Buffer.from("host,owner\nweb1,anna\nweb2,ben\n");
  await mine.resources.upload(Readable.from([file]), {
    name: "hosts.csv",
    description: "Which host belongs to whom",
    readers: { groups: [1] },
  });
  await mine.resources.upload(Readable.from([Buffer.alloc(1_300_000, 7)]), { name: "geo.mmdb" });
  await mine
    .collection("preferences")
    .put({ uid: anna, name: "emailSettings", data: { from: "shop@example.com", server: "mail.example.com" } });
}

/** As two edits leave it that did not know of each other. */
async function conflict({ a, anna, ben }: Place): Promise<void> {
  const boards = a.bus.collection("dashboards");
  const base = (await boards.get("disks"))?.revision ?? 0;
  const losing = (await boards.get("disks"))?.doc;
  const { revision } = await a.bus.asUser(ben).collection("dashboards").patch("disks", { name: "Disk space, all hosts" });
  await a.bus.collection("conflicts").put({
    ...{
      id: "first",
      collection: "dashboards",
      docId: "disks",
      base,
      winner: revision ?? 0,
      by: anna,
      at: new Date().toISOString(),
    },
    losing: { ...losing, name: "Disk space (GB)", description: "Warns at 90 %" },
  });
}

/** Something to draw: changes for a while, now more, now less. */
export async function activity({ a, anna }: Place): Promise<void> {
  const boards = a.bus.asUser(anna).collection("dashboards");
  for (let n = 0; n < 150; n++) {
    await boards.patch("mail", { description: `What waits, and for how long (${n})` });
    await sleep(60 + 200 * Math.abs(Math.sin(n / 14)));
  }
  await boards.patch("mail", { description: "What waits, and for how long" });
}

const TRAFFIC = [
  ["Requests per minute", "line", "method=GET"],
  ["Errors", "bar", "status=500"],
  ["Slowest pages", "table", "GET -status=200"],
] as const;

function accessLog(): string {
  const paths = ["/", "/cart", "/products/17", "/login", "/search?q=shoes"];
  const lines = Array.from({ length: 400 }, (_none, n) => {
    const at = new Date(Date.UTC(2026, 10, 20, 8, 0, n)).toISOString();
    const status = n % 23 === 0 ? 500 : n % 7 === 0 ? 404 : 200;
    return `${at} method=GET path=${paths[n % paths.length]} status=${status} ms=${(n * 37) % 900} user=u${n % 31}`;
  });
  return `${lines.join("\n")}\n`;
}
