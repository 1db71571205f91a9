/** A process that fills a datastore, as a webserver would. */
import { performance } from "node:perf_hooks";
import { connectBus } from "../../bus/index.ts";
import { dashboard, freshId } from "../payload.ts";
import { serve } from "../process/jobs.ts";

const IN_FLIGHT = 1000;
const PUT_MS = 60_000;
/** How many of the stored documents are looked up in a new replica. */
const SAMPLE = 200;

export interface Load {
  address: string;
  dir: string;
  documents: number;
  bytes: number;
  /** After this long no more documents are stored. */
  atMostMs: number;
}

export interface Loaded {
  documents: number;
  /** Some of them. */
  ids: string[];
}

const jobs = {
  /** Resolves when all that were begun are acknowledged. */
  async load({ address, dir, documents, bytes, atMostMs }: Load): Promise<Loaded> {
    await using bus = await connectBus({ datastore: address, webserver: "loader", dir });
    await bus.caughtUp();
    const dashboards = bus.collection("dashboards");
    const ids: string[] = [];
    const end = performance.now() + atMostMs;
    let begun = 0;
    const lane = async () => {
      while (begun < documents && performance.now() < end) {
        begun++;
        const id = freshId();
        await dashboards.put(dashboard(id, bytes), { timeoutMs: PUT_MS });
        ids.push(id);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const every = Math.ceil(ids.length / SAMPLE);
    return { documents: ids.length, ids: ids.filter((_id, index) => index % every === 0 || index === ids.length - 1) };
  },
};

export type LoadJobs = typeof jobs;

serve(jobs);
