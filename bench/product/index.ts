/** The figures of the product's own rules: search history, and logins, which must not make others wait. Their limit is what they are asked to keep. */
import { join } from "node:path";
import { type DatastoreOptions, startDatastore } from "../../functions/datastore.ts";
import { FIGURES, type FigureName } from "../figures.ts";
import { Worker } from "../process/worker.ts";
import { type Run, wants } from "../run.ts";
import { percentile } from "../stats.ts";
import type { ProductJobs } from "./webserver.ts";

const HISTORY = ["history-newest-50-p99", "history-append-p99"] as const;
const LOCK = "lock-on-10-webservers";
const LOGIN = "login-disturbs-p99";

export async function measureProduct(run: Run): Promise<void> {
  if (!wants(run, ...HISTORY, LOCK, LOGIN)) return;
  const { stage, plan } = run;
  const dir = join(stage.dir, "product");
  const start = (options: Pick<DatastoreOptions, "port" | "sync">) =>
    startDatastore({ dir: join(dir, "datastore"), handlers: 1, ...options });
  let datastore = await start({ port: 0 });
  const stop = stage.defer(() => datastore.stop());
  const webserver = new Worker<ProductJobs>(stage, "../product/webserver");
  await webserver.ask("open", { address: datastore.address, dir: join(dir, "webservers") });
  if (wants(run, LOCK)) {
    run.progress("a lock, until ten webservers refuse the user");
    const taken = await webserver.ask("lock", plan.locks);
    report(run, LOCK, Math.max(...taken), { p50: percentile(taken, 0.5), samples: taken.length });
  }
  if (wants(run, LOGIN)) {
    run.progress("20 logins at once");
    const { alone, logins, loginMs } = await webserver.ask("beside", plan.pacedMs);
    report(run, LOGIN, Math.max(0, logins - alone), { alone, logins, loginMs });
  }
  if (wants(run, ...HISTORY)) {
    run.progress(`${plan.history.entries} entries of search history`);
    // What is measured afterwards is durable again.
    const port = Number(datastore.address.split(":")[1]);
    await datastore.stop();
    datastore = await start({ port, sync: "default" });
    await webserver.ask("caughtUp", undefined);
    const entries = await webserver.ask("loadHistories", plan.history);
    await datastore.stop();
    datastore = await start({ port });
    await webserver.ask("caughtUp", undefined);
    const reads = await webserver.ask("readNewest", plan.history.reads);
    report(run, "history-newest-50-p99", percentile(reads, 0.99), { p50: percentile(reads, 0.5), entries });
    const appends = await webserver.ask("append", plan.history.appends);
    report(run, "history-append-p99", percentile(appends, 0.99), { p50: percentile(appends, 0.5) });
  }
  await webserver.close();
  await stop();
}

/** A figure without a bare side: the limit is its bound, where it has one. */
function report(run: Run, name: FigureName, value: number, extra: Record<string, number>): void {
  const spec = FIGURES[name];
  const limit = "valueAtMost" in spec ? spec.valueAtMost : value;
  run.report({ name, value, limit, ratio: value / limit, extra });
}
