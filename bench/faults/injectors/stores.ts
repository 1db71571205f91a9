/** Stores that are lost: what comes in their place is empty, or an older state that may have grown again meanwhile. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { now, pause, until } from "../clock.ts";
import type { Webserver } from "../cluster/webserver.ts";
import type { Dice } from "../dice.ts";
import { churn, churnPlace, lasting } from "../workload/documents.ts";
import { defineFaults, type Means } from "./define.ts";

/** What is written after the copy, and lost. */
const TAIL_MS = [300, 900] as const;
/** How long the last versions may take to a webserver before the store is lost. */
const BEYOND_MS = 10_000;
const KEPT_MS = 3000;
const HELD_MS = 30_000;
/** Of an empty store, by its webservers alone. */
const FILLED_MS = 20_000;
const SYNCED_MS = 60_000;
const WORD_MS = 120_000;
/** Of writes by which a tail grows again, and how many of them at once. */
const GROWTH = { most: 400, atOnce: 8 };
const REPLACES = 0.3;
const LOSES_KEYS = 0.25;
const COMMAND = fileURLToPath(new URL("../../../scripts/frontsync.js", import.meta.url));

interface Losing extends Means {
  kind: string;
  /** Takes the place of the store; undefined: nothing does. */
  copy?: string;
  losesKeys?: boolean;
  word: "accept" | "replace" | null;
  /** Before the webservers have contact again. `kept`: the last number that one of them has. */
  before?: (kept: number) => Promise<void>;
}

export const STORE_FAULTS = defineFaults({
  "wiped-datastore": {
    at: "datastore",
    losesStore: true,
    remembers: true,
    text: "the store's files are gone, at times its keys too; the webservers fill it again",
    async inject(means) {
      const losesKeys = means.dice.chance(LOSES_KEYS);
      return await lose({ ...means, kind: "wiped-datastore", losesKeys, word: losesKeys ? "accept" : null });
    },
  },
  "older-datastore": {
    at: "datastore",
    losesStore: true,
    remembers: true,
    text: "an older copy of the store is put back; `frontsync reseed` brings it forward, or makes the webservers follow it",
    inject: (means) => withCopy(means, (copy) => lose({ ...means, kind: "older-datastore", copy, word: wordOf(means.dice) })),
  },
  "regrown-tail": {
    at: "datastore",
    losesStore: true,
    remembers: true,
    text: "an older copy of the store is put back, and grows past what the webservers have before they see it",
    inject: (means) =>
      withCopy(means, (copy) =>
        lose({
          ...means,
          ...{ kind: "regrown-tail", copy, word: wordOf(means.dice) },
          before: (kept) => grow(means, kept),
        }),
      ),
  },
});

/** Goes on when every webserver knows more than the copy. */
async function withCopy<T>({ cluster, store, dice }: Means, work: (copy: string) => Promise<T>): Promise<T | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "frontsync-faults-copy-"));
  try {
    const copy = join(folder, "jetstream");
    // The one that was started last may still be on its way.
    await store.readRest();
    await cluster.datastore.copyStore(copy);
    const last = await store.readRest();
    await pause(dice.number(...TAIL_MS));
    const isBeyond = ({ status }: Webserver) => (status?.cursor ?? 0) > last;
    if (!(await until(BEYOND_MS, () => cluster.webservers.every(isBeyond)))) return undefined;
    return await work(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function lose(losing: Losing): Promise<string | undefined> {
  const { cluster, store, recorder, kind, copy, losesKeys, word, before } = losing;
  const { datastore, webservers } = cluster;
  // The one that was started last may still be on its way.
  await store.readRest();
  await datastore.freezeHandlers();
  const last = await store.leave();
  const kept = () => Math.max(...webservers.map(({ status }) => status?.cursor ?? 0));
  await until(KEPT_MS, () => kept() >= last);
  // One that was started a moment ago has nothing of the store, and takes whatever comes for the right one.
  const knowing = webservers.filter(({ status }) => (status?.cursor ?? 0) > 0);
  const held = new Map(knowing.map((webserver) => [webserver, webserver.timesHeld]));
  recorder.add({ type: "store-lost", at: now(), kind, kept: kept(), word });
  if (before) for (const { proxy } of webservers) proxy.refuse();
  const gone = await datastore.killAll();
  datastore.replaceStore(copy);
  if (losesKeys) datastore.loseKeys();
  await datastore.start();
  await store.reopen(datastore.dir, datastore.port);
  if (before) {
    await before(last);
    for (const { proxy } of webservers) proxy.mend(false);
  }
  const noticed = await until(HELD_MS, () => knowing.every((one) => one.timesHeld > (held.get(one) ?? 0)));
  if (word !== null) await say(word, datastore.port);
  // When one that has nothing was the first to write, the store is not empty: to fill it then is an operator's decision.
  else if (!(await until(FILLED_MS, () => webservers.every(({ status }) => status?.state !== "held"))))
    await say("accept", datastore.port);
  await until(SYNCED_MS, () => webservers.every(({ status }) => status?.state === "synced"));
  recorder.add({ type: "store-back", at: now() });
  return gone && noticed && knowing.length > 0
    ? `${last} was the store's last number, and every webserver that had something of it was held${saying(losing)}`
    : undefined;
}

function saying({ word, losesKeys }: Losing): string {
  return `${losesKeys ? ", the keys were gone" : ""}${word === null ? "" : `, until the operator's --${word}`}`;
}

function wordOf(dice: Dice): "accept" | "replace" {
  return dice.chance(REPLACES) ? "replace" : "accept";
}

/** Somebody who knows nothing of the lost tail writes until the numbers are past it. */
async function grow({ cluster, store, dice, nextMark }: Means, past: number): Promise<void> {
  await cluster.withGuest("guest", async (guest) => {
    for (let written = 0; (await store.readRest()) <= past; written += GROWTH.atOnce) {
      if (written >= GROWTH.most) throw new Error(`the store did not grow past ${past} again with ${written} writes`);
      await Promise.all(Array.from({ length: GROWTH.atOnce }, () => write(guest, dice, nextMark())));
    }
  });
}

async function write(guest: Webserver, dice: Dice, mark: string): Promise<void> {
  await guest.ask(dice.chance(0.5) ? lasting(dice, mark) : churn(dice, churnPlace(dice), mark));
}

/** As an operator does. Throws what the command says when it fails. */
async function say(word: "accept" | "replace", port: number): Promise<void> {
  const args = [COMMAND, "reseed", `--${word}`, "--datastore", `127.0.0.1:${port}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: WORD_MS });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (said = `${said}${bytes}`.slice(-1000)));
  const code = await new Promise((resolve) => child.once("close", resolve).once("error", resolve));
  if (code !== 0) throw new Error(`frontsync reseed --${word} ended with ${code}: ${said.trim()}`);
}
