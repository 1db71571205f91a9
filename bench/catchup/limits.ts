/** A process that measures what a catch-up is made of, bare: to bring the messages, and to keep them. */
import { serve } from "../process/jobs.ts";
import { consumeAll, publishAll } from "./consumer.ts";
import { insertAll } from "./inserts.ts";

export interface Documents {
  /** host:port of the bare nats-server. */
  address: string;
  documents: number;
  bytes: number;
}

/** Milliseconds for all the documents. */
export interface Limits {
  consumerMs: number;
  sqljsMs: number;
}

const jobs = {
  load: ({ address, documents, bytes }: Documents): Promise<void> => publishAll(address, documents, bytes),
  async measure({ address, documents, bytes }: Documents): Promise<Limits> {
    const consumerMs = await consumeAll(address, documents);
    return { consumerMs, sqljsMs: await insertAll(documents, bytes) };
  },
};

export type LimitJobs = typeof jobs;

serve(jobs);
