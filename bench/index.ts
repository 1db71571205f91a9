/** `npm run bench`: measures frontsync beside its limit, the bare pipeline on NATS. bare/ is that pipeline, without any of our code;
 *  frontsync/ is ours, by its public API alone; both are driven by the same loops (measure.ts) in processes of the same kind.
 *  docs/performance.md says what the figures mean. */
import { findNatsServer } from "../functions/nats-server/index.ts";
import { type Args, HELP, readArgs } from "./args.ts";
import { measureCatchups } from "./catchup/index.ts";
import { type Figure, holds } from "./figures.ts";
import { FULL, QUICK } from "./plan.ts";
import { measureProduct } from "./product/index.ts";
import { header, jsonLine, TABLE_HEAD, tableRow } from "./report.ts";
import type { Run } from "./run.ts";
import { Stage } from "./stage.ts";
import { measureDurableWrites, measureWrites } from "./writes.ts";

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  let args: Args;
  try {
    args = readArgs(process.argv.slice(2));
  } catch (error) {
    console.error(`bench: ${messageOf(error)}`);
    return 2;
  }
  if (args.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stage = await Stage.open(args.dir);
  endWithSignals(stage);
  try {
    return await measure(args, stage);
  } catch (error) {
    // What is torn down by a signal fails: that is no fault of its own.
    if (!stage.closing) console.error(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  } finally {
    showProgress("");
    await stage.close();
  }
}

async function measure(args: Args, stage: Stage): Promise<number> {
  const found = await findNatsServer({ onProgress: showProgress });
  let missed = 0;
  const report = (figure: Figure) => {
    if (!args.only.has(figure.name)) return;
    showProgress("");
    console.log(args.json ? jsonLine(figure) : tableRow(figure));
    if (!holds(figure)) missed++;
  };
  if (args.json) console.error(header(found));
  else console.log(`${header(found)}\n\n${TABLE_HEAD}`);
  const run: Run = { plan: args.quick ? QUICK : FULL, stage, found, wanted: args.only, progress: showProgress, report };
  await measureWrites(run);
  await measureDurableWrites(run);
  await measureProduct(run);
  await measureCatchups(run);
  return missed > 0 ? 1 : 0;
}

function endWithSignals(stage: Stage): void {
  let ended = false;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      // Asked twice: at once. nats-server and the other processes end with this one.
      if (ended) process.exit(code);
      ended = true;
      void stage.close().then(() => process.exit(code));
    });
  }
  process.on("exit", () => stage.removeNow());
}

/** One line at the bottom of the terminal; an empty text takes it away. Not for logs and files. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exit(await main());
