/** The process with two webservers' buses for the figures of the product: search history, logins beside other requests. */

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, connectBus, FrontsyncError } from "../../bus/index.ts";
import type { Place } from "../client.ts";
import { dashboard, freshId } from "../payload.ts";
import { DOCUMENT_BYTES, PACE_PER_SECOND } from "../plan.ts";
import { serve } from "../process/jobs.ts";
import { percentile } from "../stats.ts";

const LANES = 128;
const NEWEST = 50;
const WEBSERVERS = 10;
const WARM_UP_READS = 300;
const LOGINS = 20;
const PASSWORD = "a password of the bench";
const CATCH_UP_MS = 120_000;

let writer: Bus;
let reader: Bus;
let place: Place;
let users = 0;

const entry = (uid: number, n: number) => ({
  uid,
  userQuery: `tag=web${n % 50} json status bytes | stats count sum(bytes) by status, search ${n}`,
  effectiveQuery: `tag=web${n % 50} json status bytes | stats count sum(bytes) by status, search ${n} | table`,
  launched: new Date().toISOString(),
  webserver: "a",
});

const jobs = {
  async open(given: Place): Promise<void> {
    place = given;
    [writer, reader] = await Promise.all([open("a"), open("b")]);
  },

  /** ms from an admin's lock until the last of ten webservers refuses the user. */
  async lock(times: number): Promise<number[]> {
    const buses = await Promise.all(Array.from({ length: WEBSERVERS }, (_, n) => open(`lock-${n}`)));
    const taken: number[] = [];
    for (let n = 0; n < times; n++) {
      const { id, revision } = await writer.collection("users").put({ user: `lock-${freshId()}` });
      await Promise.all(buses.map((bus) => bus.caughtUp(revision)));
      taken.push(
        await timed(() =>
          Promise.all([
            writer.call("users.setLocked", { uid: Number(id), locked: true }),
            ...buses.map((bus) => refused(bus, Number(id))),
          ]),
        ),
      );
    }
    await Promise.all(buses.map((bus) => bus.close()));
    return taken;
  },

  /** Fills the histories of some users; the later entries go over the earlier ones when a history is full. As much as there is time for. */
  async loadHistories(plan: { entries: number; users: number; withinMs: number }): Promise<number> {
    users = plan.users;
    const end = performance.now() + plan.withinMs;
    let made = 0;
    const lane = async (first: number) => {
      for (let n = first; n < plan.entries && performance.now() < end; n += LANES) {
        await writer.collection("searches").put(entry(1000 + (n % users), n));
        made++;
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)));
    await caughtUp();
    return made;
  },

  /** Another datastore process is there now. */
  caughtUp,

  /** ms for one user's newest entries, from the local replica. */
  async readNewest(times: number): Promise<number[]> {
    // The first query makes the index; after a load the first ones find two webservers that still write their snapshots.
    for (let user = 0; user < Math.min(users, WARM_UP_READS); user++) await newest(user);
    const taken: number[] = [];
    for (let n = 0; n < times; n++) taken.push(await timed(() => newest((n * 7919) % users)));
    return taken;
  },

  /** ms for one entry more in a history. */
  async append(times: number): Promise<number[]> {
    const taken: number[] = [];
    for (let n = 0; n < times; n++)
      taken.push(await timed(() => writer.collection("searches").put(entry(1000 + (n % users), 10_000_000 + n))));
    return taken;
  },

  /** p99 of paced puts, in ms: alone, and while so many users log in at once. */
  async beside(durationMs: number): Promise<{ alone: number; logins: number; loginMs: number }> {
    const { id } = await writer.collection("users").put({ user: `bench-${freshId()}` });
    const uid = Number(id);
    await writer.call("users.setPassword", { uid, password: PASSWORD });
    const user = (await writer.collection("users").get(id))?.doc.user ?? "";
    const alone = percentile(await paced(() => performance.now(), durationMs), 0.99);
    const begin = performance.now();
    let running = true;
    const logins = Promise.all(
      Array.from({ length: LOGINS }, () => writer.call("users.login", { user, password: PASSWORD }, { timeoutMs: CATCH_UP_MS })),
    ).finally(() => {
      running = false;
    });
    const taken = await paced(() => (running ? performance.now() : Number.POSITIVE_INFINITY), CATCH_UP_MS);
    await logins;
    return { alone, logins: percentile(taken, 0.99), loginMs: performance.now() - begin };
  },
};

async function open(webserver: string): Promise<Bus> {
  const bus = await connectBus({ datastore: place.address, webserver, dir: join(place.dir, webserver) });
  await bus.caughtUp();
  return bus;
}

/** Resolves when a webserver lets the user do nothing any more. */
async function refused(bus: Bus, uid: number): Promise<void> {
  for (;;) {
    try {
      await bus.asUser(uid).collection("dashboards").list({ limit: 1 });
    } catch (error) {
      if (error instanceof FrontsyncError && error.code === "NOT_ALLOWED") return;
      throw error;
    }
    await sleep(1);
  }
}

async function caughtUp(): Promise<void> {
  for (const bus of [writer, reader]) await bus.caughtUp(null, { timeoutMs: CATCH_UP_MS });
}

async function newest(user: number): Promise<void> {
  const { items } = await reader.collection("searches").list({ where: { uid: 1000 + user }, sort: "-launched", limit: NEWEST });
  if (items.length === 0) throw new Error(`user ${1000 + user} has no history`);
}

/** Puts at a steady pace for so long, or until the clock says that it is over. */
async function paced(clock: () => number, durationMs: number): Promise<number[]> {
  const taken: Promise<number>[] = [];
  const begin = performance.now();
  for (let n = 0; clock() - begin < durationMs; n++) {
    await sleep(Math.max(0, begin + (n * 1000) / PACE_PER_SECOND - performance.now()));
    taken.push(timed(() => writer.collection("dashboards").put({ ...dashboard(freshId(), DOCUMENT_BYTES) })));
  }
  return await Promise.all(taken);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

export type ProductJobs = typeof jobs;

serve(jobs);
