/** A process with a new, empty replica, that measures how long it takes to hold everything. A new process for each round: the peak of
 *  its memory is part of the result. */
import { performance } from "node:perf_hooks";
import { connectBus } from "../../bus/index.ts";
import { serve } from "../process/jobs.ts";

const TIMEOUT_MS = 120_000;

export interface Fetched {
  /** connectBus on an empty folder: what it costs without any document. */
  openMs: number;
  /** From then on until caughtUp() resolves: connecting, the first check-in, all the documents. */
  catchUpMs: number;
  peakRssMb: number;
}

const jobs = {
  /** Afterwards the documents `ids` must be there. */
  async catchUp({ address, dir, ids }: { address: string; dir: string; ids: readonly string[] }): Promise<Fetched> {
    const start = performance.now();
    const bus = await connectBus({ datastore: address, webserver: "replica", dir });
    const opened = performance.now();
    await bus.caughtUp(null, { timeoutMs: TIMEOUT_MS });
    const catchUpMs = performance.now() - opened;
    const peakRssMb = process.resourceUsage().maxRSS / 1024;
    for (const id of ids) {
      if ((await bus.collection("dashboards").get(id)) === undefined) throw new Error(`caught up, and ${id} is not there`);
    }
    return { openMs: opened - start, catchUpMs, peakRssMb };
  },
};

export type ReplicaJobs = typeof jobs;

serve(jobs);
