/** A webserver in a process of its own, for what is said of its memory. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { type Bus, connectBus } from "../../bus/index.ts";
import { serve } from "../process/jobs.ts";
import { bytes, drain } from "./bytes.ts";

let bus: Bus | undefined;

const jobs = {
  async open(options: { datastore: string; webserver: string; dir: string }) {
    bus = await connectBus({ ...options, resources: "lazy" });
    await bus.caughtUp();
  },
  async upload({ id, size, seed }: { id: string; size: number; seed: number }) {
    await bus?.resources.upload(Readable.from(bytes(size, seed)), { name: id }, { id });
  },
  async download(id: string) {
    if (bus) await drain(await bus.resources.open(id));
  },
  /** The most RSS, MB; 0: not known on this system. */
  async peak(_: null) {
    return peakOf(process.pid);
  },
  async close(_: null) {
    await bus?.close();
  },
};
export type WebserverJobs = typeof jobs;

function peakOf(pid: number): number {
  if (process.platform !== "linux") return 0;
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}

serve(jobs);
