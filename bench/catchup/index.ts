/** How many documents a second a new replica fetches, beside the slower of what it is made of: a bare pull consumer, which brings the
 *  messages, and bare inserts into sql.js, which keep them. */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { startDatastore } from "../../functions/datastore.ts";
import { startBareServer } from "../bare/server.ts";
import { type Figure, type FigureName, figure } from "../figures.ts";
import { MIN_ROUNDS } from "../plan.ts";
import { Worker } from "../process/worker.ts";
import { type Run, wants } from "../run.ts";
import { alternate } from "../sides.ts";
import { median } from "../stats.ts";
import type { LimitJobs, Limits } from "./limits.ts";
import type { Loaded, LoadJobs } from "./load.ts";
import type { Fetched, ReplicaJobs } from "./replica.ts";

interface Size {
  name: FigureName;
  documents: number;
  bytes: number;
}

export async function measureCatchups(run: Run): Promise<void> {
  await measureCatchup(run, { name: "catchup-300B", documents: run.plan.catchup300B, bytes: 300 });
  await measureCatchup(run, { name: "catchup-2KB", documents: run.plan.catchup2KB, bytes: 2048 });
}

async function measureCatchup(run: Run, size: Size): Promise<void> {
  if (!wants(run, size.name)) return;
  const { name } = size;
  const { rounds } = run.plan;
  run.progress(`${name}: storing ${size.documents} documents on both sides`);
  const [ours, bare] = await Promise.all([openOurs(run, size), openBare(run, size)]);
  const measure = {
    ours: (round: number) => {
      run.progress(`${name}: round ${round} of ${rounds}, ours`);
      return ours.catchUp(round);
    },
    bare: (round: number) => {
      run.progress(`${name}: round ${round} of ${rounds}, bare`);
      return bare.measure();
    },
  };
  const results = await alternate(rounds, measure, (done) => done >= MIN_ROUNDS && performance.now() > run.plan.lateMs);
  await Promise.all([ours.close(), bare.close()]);
  run.report(catchupFigure(size, ours.loaded.documents, results));
}

/** `documents`: as many as there was time for on our side; the bare one always has all of `size`. */
function catchupFigure(size: Size, documents: number, rounds: readonly { ours: Fetched; bare: Limits }[]): Figure {
  const bareRate = (ms: number) => (size.documents * 1000) / ms;
  const pairs = rounds.map(({ ours, bare }) => ({
    ours: (documents * 1000) / ours.catchUpMs,
    bare: bareRate(Math.max(bare.consumerMs, bare.sqljsMs)),
  }));
  return figure(size.name, pairs, {
    consumer: median(rounds.map(({ bare }) => bareRate(bare.consumerMs))),
    sqljs: median(rounds.map(({ bare }) => bareRate(bare.sqljsMs))),
    openMs: median(rounds.map(({ ours }) => ours.openMs)),
    peakRssMb: Math.max(...rounds.map(({ ours }) => ours.peakRssMb)),
    documents,
    rounds: rounds.length,
  });
}

async function openOurs({ stage, plan }: Run, { name, documents, bytes }: Size) {
  const dir = join(stage.dir, name);
  const datastore = await startDatastore({ dir: join(dir, "datastore"), port: 0, sync: "default", handlers: 1 });
  const close = stage.defer(() => datastore.stop());
  const { address } = datastore;
  const loader = new Worker<LoadJobs>(stage, "../catchup/load");
  const loaded: Loaded = await loader.ask("load", { address, dir: join(dir, "loader"), documents, bytes, atMostMs: plan.loadMs });
  await loader.close();
  return {
    loaded,
    close,
    async catchUp(round: number): Promise<Fetched> {
      const replica = new Worker<ReplicaJobs>(stage, "../catchup/replica");
      const fetched = await replica.ask("catchUp", { address, dir: join(dir, `replica-${round}`), ids: loaded.ids });
      await replica.close();
      return fetched;
    },
  };
}

async function openBare({ stage, found }: Run, { name, documents, bytes }: Size) {
  const server = await startBareServer(stage, found, `${name}-bare`, "default");
  const what = { address: server.address, documents, bytes };
  const loader = new Worker<LimitJobs>(stage, "../catchup/limits");
  await loader.ask("load", what);
  await loader.close();
  return {
    close: server.stop,
    /** In a new process, as ours is: a replica is made once in a process, by code that has not run before. */
    async measure(): Promise<Limits> {
      const worker = new Worker<LimitJobs>(stage, "../catchup/limits");
      const limits = await worker.ask("measure", what);
      await worker.close();
      return limits;
    },
  };
}
