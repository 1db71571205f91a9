/** `npm run bench:resources [-- --quick]`: contents of resources beside the bare object store, on one nats-server in one run. The bare side is the npm
 *  client in the functions' account, in this process; ours goes through a webserver in this process and a handler. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { connect } from "nats";
import { type Bus, connectBus } from "../bus/index.ts";
import { type Datastore, startDatastore } from "../functions/datastore.ts";
import { Worker } from "./process/worker.ts";
import { drain, MB, bytes as seededBytes } from "./resources/bytes.ts";
import type { WebserverJobs } from "./resources/webserver.ts";
import { Stage } from "./stage.ts";

const ROUNDS = 3;
const LOOK_MS = 2;
const QUICK = process.argv.includes("--quick");
const LARGE = (QUICK ? 128 : 512) * MB;
const MANY = QUICK ? 200 : 1000;
const SEVERAL = 4;

let made = 0;

/** New bytes each time: a known content would not be sent. */
const bytes = (size: number) => seededBytes(size, ++made);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const say = (what: string, value: string) => console.log(`${what.padEnd(64)} ${value}`);

async function main(stage: Stage): Promise<void> {
  const dir = (name: string) => join(stage.dir, name);
  const datastore = await startDatastore({ dir: dir("datastore"), port: 0 });
  stage.defer(() => datastore.stop());
  const open = async (webserver: string, resources: "eager" | "lazy" = "lazy") => {
    const bus = await connectBus({ datastore: datastore.address, webserver, dir: dir(webserver), resources });
    stage.defer(() => bus.close());
    await bus.caughtUp();
    return bus;
  };
  const web1 = await open("web1");
  await besideTheBareStore(stage, dir, datastore, web1, open);
  await toOthers(web1, open);
  await largest(stage, dir, datastore);
}

async function besideTheBareStore(
  stage: Stage,
  dir: (name: string) => string,
  { address }: Datastore,
  web1: Bus,
  open: (name: string) => Promise<Bus>,
): Promise<void> {
  const { functionsPassword } = JSON.parse(readFileSync(join(dir("datastore"), "keys.json"), "utf8")) as Record<string, string>;
  const nats = await connect({ servers: address, user: "functions", pass: functionsPassword ?? "", inboxPrefix: "_INBOX" });
  stage.defer(() => nats.close());
  const jsm = await nats.jetstreamManager();
  const subjects = ["$O.bare.C.>", "$O.bare.M.>"];
  await jsm.streams.add({ name: "OBJ_bare", subjects, allow_rollup_hdrs: true, allow_direct: true, num_replicas: 1 });
  const store = await nats.jetstream({ timeout: 60_000 }).views.os("bare");
  const size = 100 * MB;
  const times: Record<"bare put" | "put" | "bare get" | "get", number[]> = { "bare put": [], put: [], "bare get": [], get: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const name = `r${round}`;
    const source = () => Readable.toWeb(Readable.from(bytes(size), { objectMode: true })) as ReadableStream<Uint8Array>;
    times["bare put"].push(
      await seconds(async () => await store.put({ name, options: { max_chunk_size: 512 * 1024 } }, source())),
    );
    times.put.push(await seconds(async () => await web1.resources.upload(Readable.from(bytes(size)), { name }, { id: name })));
    times["bare get"].push(
      await seconds(async () => await drain((await store.get(name))?.data as unknown as AsyncIterable<Uint8Array>)),
    );
    const reader = await open(`reader${round}`);
    times.get.push(await seconds(async () => await drain(await reader.resources.open(name))));
    await reader.close();
    await store.delete(name);
  }
  for (const direction of ["put", "get"] as const) {
    const [bare, ours] = [median(times[`bare ${direction}`]), median(times[direction])];
    const [a, b] = [bare, ours].map((time) => (size / MB / time).toFixed(0));
    say(`${direction} of 100 MB: ours, bare object store, MB/s`, `${b}, ${a} (${(bare / ours).toFixed(2)}x)`);
  }
}

async function toOthers(web1: Bus, open: (name: string, resources?: "eager" | "lazy") => Promise<Bus>): Promise<void> {
  const four = await Promise.all([1, 2, 3, 4].map((n) => open(`four${n}`)));
  const { id, revision, size } = await web1.resources.upload(Readable.from(bytes(100 * MB)), { name: "four" });
  await Promise.all(four.map((bus) => bus.caughtUp(revision)));
  const took = await seconds(async () => await Promise.all(four.map(async (bus) => await drain(await bus.resources.open(id)))));
  say("the same 100 MB to 4 webservers at once, MB/s together", ((4 * size) / MB / took).toFixed(0));
  await Promise.all(four.map((bus) => bus.close()));

  const eager = await open("eager", "eager");
  const settled = () => eager.transfers.status().fetching + eager.transfers.status().waiting === 0;
  const look = () => new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  while (!settled()) await look();
  const delays: number[] = [];
  for (let n = 0; n < 20; n++) {
    const written = await web1.resources.upload(Readable.from(bytes(MB)), { name: `one ${n}` });
    const since = performance.now();
    while ((await eager.resources.local(written.id).catch(() => undefined)) === undefined) await look();
    delays.push(performance.now() - since);
  }
  say("a new 1 MB on another webserver's disk after its upload, p50 ms", median(delays).toFixed(0));

  const files = async (n: number) => await web1.resources.upload(Readable.from(bytes(10_000)), { name: `file ${n}` });
  const up = await seconds(async () => {
    for (let n = 0; n < MANY; n += 20) await Promise.all(Array.from({ length: 20 }, (_, m) => files(n + m)));
  });
  say(`${MANY} files of 10 KB up (20 at a time), files/s`, (MANY / up).toFixed(0));
  const start = performance.now();
  const fresh = await open("fresh", "eager");
  const { items } = await fresh.collection("resources").list({ limit: 1000, sort: "name" });
  const usable = performance.now() - start;
  const { waiting, fetching } = fresh.transfers.status();
  const took2 = await seconds(async () => {
    while (fresh.transfers.status().waiting > 10) await look();
  });
  say(`a new webserver lists ${items.length} resources after, ms (${waiting + fetching} contents to come)`, usable.toFixed(0));
  say("those contents in the background, files/s", (waiting / took2).toFixed(0));
  await Promise.all([fresh.close(), eager.close()]);
}

/** In processes of their own, which have done nothing else. */
async function largest(stage: Stage, dir: (name: string) => string, { address, pids }: Datastore): Promise<void> {
  const start = async (webserver: string) => {
    const worker = new Worker<WebserverJobs>(stage, "../resources/webserver");
    await worker.ask("open", { datastore: address, webserver, dir: dir(webserver) });
    return worker;
  };
  const [up, down] = [await start("up"), await start("down")];
  const took = {
    up: await seconds(() => up.ask("upload", { id: "largest", size: LARGE, seed: ++made })),
    down: await seconds(() => down.ask("download", "largest")),
  };
  say(`${LARGE / MB} MB up, down, MB/s`, `${(LARGE / MB / took.up).toFixed(0)}, ${(LARGE / MB / took.down).toFixed(0)}`);
  await peaks(`${LARGE / MB} MB`, { up, down }, pids);
  const several = Array.from({ length: SEVERAL }, (_, n) => ({ id: `several${n}`, size: LARGE / SEVERAL, seed: ++made }));
  await Promise.all(several.map((one) => up.ask("upload", one)));
  await Promise.all(several.map(({ id }) => down.ask("download", id)));
  await peaks(`${SEVERAL} of ${LARGE / SEVERAL / MB} MB at once`, { up, down }, pids);
  await Promise.all([up.ask("close", null), down.ask("close", null)]);
}

async function peaks(
  what: string,
  webservers: Record<"up" | "down", Worker<WebserverJobs>>,
  { handlers }: Datastore["pids"],
): Promise<void> {
  if (process.platform !== "linux") return;
  const rss = (pid: number) => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  const own = [await webservers.up.ask("peak", null), await webservers.down.ask("peak", null), ...handlers.map(rss)];
  const shown = own.map((mb) => mb.toFixed(0)).join(", ");
  say(`the most RSS after ${what}: uploading, reading webserver, handler, MB`, shown);
}

const stage = await Stage.open();
try {
  await main(stage);
} finally {
  await stage.close();
}
