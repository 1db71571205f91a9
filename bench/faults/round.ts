/** One round: a deployment of its own, a workload, faults, quiet, and the check of what was recorded. */
import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadSchemas } from "../../schemas/index.ts";
import { markOf } from "./check/history.ts";
import { check, countAcknowledged, type Violation } from "./check/index.ts";
import { now, pause, until } from "./clock.ts";
import { Cluster, WEBSERVERS } from "./cluster/index.ts";
import { memoryOf } from "./cluster/processes.ts";
import { Store } from "./cluster/store.ts";
import { type Dice, rollDice } from "./dice.ts";
import type { Means } from "./injectors/define.ts";
import { FAULTS, type Fault, type Plan, type Planned, plan, volumesFor } from "./injectors/index.ts";
import { Recorder } from "./recorder.ts";
import { prepare, work } from "./workload/index.ts";

/** At least so long, and until enough was acknowledged; a busy machine takes longer. */
const WORK_MS = 4500;
const MOST_WORK_MS = 30_000;
const GAP_MS = [100, 700] as const;
/** Of the datastore's and of the webservers' faults each. */
const FAULTS_EACH = 3;
/** How long everything may take to be in step when all is well again: back-offs are up to 5 s. */
const IN_STEP_MS = 45_000;
/** All are at the head at the latest after `most`; what comes late shows within `least`. */
const QUIET_MS = { least: 1200, most: 3000 };
const MEMORY_MS = 500;
/** Fewer say nothing. */
const MIN_ACKNOWLEDGED = 200;
/** Comes when all is well again, and reads everything from the beginning. */
const NEWCOMER = "web4";

export interface RoundOptions {
  round: number;
  seed: number;
  kinds: readonly string[];
  /** A folder of the round's own; the history and the logs are left in it. */
  folder: string;
  sync?: "always" | "default";
  /** For the positive controls: what is wrong with the webservers. */
  broken?: string | undefined;
  workMs?: number;
  signal?: AbortSignal;
}

export interface RoundResult {
  round: number;
  seed: number;
  /** Why it says nothing; undefined: it counts. */
  void?: string;
  /** It is void because something did not start, or did not answer: that may be a fault of the product. */
  failed: boolean;
  operations: number;
  acknowledged: number;
  /** Of each kind, those whose effect was seen. */
  faults: Record<string, number>;
  /** And those without one. */
  unseen: Record<string, number>;
  violations: readonly Violation[];
  seconds: number;
  /** The file of the history. */
  history: string;
}

export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const started = now();
  const { round, seed, folder } = options;
  mkdirSync(folder, { recursive: true });
  const history = join(folder, "history.jsonl");
  const recorder = new Recorder(history);
  let failure: string | undefined;
  try {
    await play(options, recorder);
  } catch (error) {
    options.signal?.throwIfAborted();
    failure = (error as Error).message;
  } finally {
    recorder.close();
  }
  const { entries } = recorder;
  const faults = entries.filter((entry) => entry.type === "fault");
  const counted = countBy(faults.filter(({ effect }) => effect !== null).map(({ kind }) => kind));
  const acknowledged = countAcknowledged(entries);
  const why = failure ?? whyVoid(acknowledged, Object.keys(counted).length, options.kinds.length);
  return {
    ...{ round, seed, history, acknowledged },
    ...(why !== undefined && { void: why }),
    failed: failure !== undefined,
    operations: entries.filter(({ type }) => type === "invoke").length,
    faults: counted,
    unseen: countBy(faults.filter(({ effect }) => effect === null).map(({ kind }) => kind)),
    violations: failure === undefined ? check(entries) : [],
    seconds: (now() - started) / 1000,
  };
}

function whyVoid(acknowledged: number, seen: number, kinds: number): string | undefined {
  if (acknowledged < MIN_ACKNOWLEDGED) return `only ${acknowledged} operations were acknowledged`;
  return kinds > 0 && seen === 0 ? "no fault had an effect" : undefined;
}

async function play(options: RoundOptions, recorder: Recorder): Promise<void> {
  const { round, seed, kinds, folder, sync = "always", broken } = options;
  const dice = rollDice(seed).fork(`round ${round}`);
  const planned = plan(dice.fork("faults"), kinds, WEBSERVERS, round, FAULTS_EACH);
  const declared = [...loadSchemas([]).collections.values()];
  const versions = Object.fromEntries(declared.map(({ collection, retention }) => [collection, retention?.versions ?? 1]));
  recorder.add({ type: "round", round, seed, webservers: WEBSERVERS, versions });
  const collections = Object.keys(versions);
  const cluster = await Cluster.start({ folder, recorder, collections, sync, broken, volumes: volumesFor(planned, WEBSERVERS) });
  let store: Store | undefined;
  const watching = setInterval(() => weigh(cluster, recorder), MEMORY_MS);
  try {
    store = await Store.open(cluster.datastore.dir, cluster.datastore.port, (version) =>
      recorder.add({ type: "version", version }),
    );
    store.follow();
    await cluster.expect(NEWCOMER);
    await stir({ cluster, recorder, store }, planned, dice, options);
    await settle(cluster, recorder, options.signal);
    await store.settle();
    for (const version of await store.all()) recorder.add({ type: "stored", version });
    for (const webserver of cluster.webservers) recorder.add({ type: "final", final: await webserver.final() });
  } finally {
    clearInterval(watching);
    await store?.close();
    await cluster.stop();
  }
}

type Scene = Pick<Means, "cluster" | "recorder" | "store">;

/** The workload, and the faults meanwhile. */
async function stir(scene: Scene, planned: Plan, dice: Dice, options: RoundOptions): Promise<void> {
  const { cluster } = scene;
  const shared = await prepare(cluster.webservers);
  const over = new AbortController();
  const stop = options.signal ? AbortSignal.any([over.signal, options.signal]) : over.signal;
  setMaxListeners(0, stop);
  const working = work(cluster.webservers, shared, dice.fork("workload"), stop);
  const lanes = [planned.datastore, planned.webserver].map((lane, n) =>
    inject({ ...scene, nextMark: () => markOf(shared.nextMark()) }, lane, dice.fork(`lane ${n}`), stop),
  );
  try {
    const enough = () => stop.aborted || scene.recorder.acknowledged >= MIN_ACKNOWLEDGED;
    await Promise.all([...lanes, pause(options.workMs ?? WORK_MS, stop), until(MOST_WORK_MS, enough)]);
  } finally {
    over.abort();
    await Promise.allSettled([working, ...lanes]);
  }
  options.signal?.throwIfAborted();
  await working;
}

async function inject(
  scene: Omit<Means, "dice" | "webserver">,
  lane: readonly Planned[],
  dice: Dice,
  stop: AbortSignal,
): Promise<void> {
  const { cluster, recorder } = scene;
  for (const { kind, webserver: name } of lane) {
    await pause(dice.number(...GAP_MS), stop);
    const webserver = cluster.webservers.find((one) => one.name === name);
    if (stop.aborted || !webserver) return;
    const fault = FAULTS[kind] as Fault;
    const work = async () => {
      const at = now();
      const effect = (await fault.inject({ ...scene, dice, webserver })) ?? null;
      recorder.add({ type: "fault", at, kind, target: fault.at === "datastore" ? "datastore" : name, effect, ms: now() - at });
    };
    await (fault.remembers ? cluster.withMemory(work) : work());
  }
}

/** Waits until everything is in step, then a while longer. Somebody comes who has nothing yet. */
async function settle(cluster: Cluster, recorder: Recorder, stop: AbortSignal | undefined): Promise<void> {
  await cluster.join();
  const started = now();
  const isInStep = ({ status }: (typeof cluster.webservers)[number]) => status?.state === "synced" && status.pending === 0;
  await until(IN_STEP_MS, () => stop?.aborted || cluster.webservers.every(isInStep));
  stop?.throwIfAborted();
  for (const { name, status } of cluster.webservers.filter((webserver) => !isInStep(webserver))) {
    const { state = "down", pending = 0 } = status ?? {};
    recorder.add({ type: "not-quiet", process: name, state, pending, waitedMs: now() - started });
  }
  await pause(QUIET_MS.least, stop);
  const head = () => Math.max(...cluster.webservers.map(({ status }) => status?.cursor ?? 0));
  await until(QUIET_MS.most - QUIET_MS.least, () => cluster.webservers.every(({ status }) => status?.cursor === head()));
}

function weigh(cluster: Cluster, recorder: Recorder): void {
  const { natsServer, handlers, supervisor } = cluster.datastore.pids;
  const all: [string, number | undefined][] = [
    ["nats-server", natsServer],
    ["supervisor", supervisor],
    ...handlers.map((pid): [string, number] => ["handler", pid]),
    ...cluster.webservers.map(({ name, pid }): [string, number | undefined] => [name, pid]),
  ];
  for (const [process, pid] of all) {
    const bytes = pid === undefined ? undefined : memoryOf(pid);
    if (bytes !== undefined) recorder.add({ type: "memory", process, bytes });
  }
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
