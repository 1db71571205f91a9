import { type Flood, flood, type Latencies, oneByOne, paced } from "./measure.ts";
import type { Pipeline } from "./pipeline.ts";
import { IN_FLIGHT, LARGE_BYTES, PACE_PER_SECOND } from "./plan.ts";
import { serve } from "./process/jobs.ts";

export interface Place {
  /** host:port of the nats-server. */
  address: string;
  /** A folder for what this client keeps on disk; not there yet. */
  dir: string;
}

export type ClientJobs = ReturnType<typeof clientJobs>;

/** What the client process of either side does: sends as A, sees as B, and runs the timed loops. */
export function serveClient(open: (place: Place) => Promise<Pipeline>): void {
  serve(clientJobs(open));
}

function clientJobs(open: (place: Place) => Promise<Pipeline>) {
  let pipeline: Pipeline | undefined;
  const opened = () => {
    if (!pipeline) throw new Error("the client is not open");
    return pipeline;
  };
  return {
    open: async (place: Place): Promise<void> => {
      pipeline = await open(place);
    },
    oneByOne: async (durationMs: number): Promise<Latencies> => oneByOne(opened(), durationMs),
    large: async (durationMs: number): Promise<Latencies> => oneByOne(opened(), durationMs, LARGE_BYTES),
    paced: async (durationMs: number): Promise<Latencies> => paced(opened(), durationMs, PACE_PER_SECOND),
    flood: async (durationMs: number): Promise<Flood> => flood(opened(), durationMs, IN_FLIGHT),
  };
}
