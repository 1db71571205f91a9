/** The commands of `frontsync fuse`, on a bus of their own. */
import { once } from "node:events";
import { stderr, stdin } from "node:process";
import { createInterface } from "node:readline/promises";
import type { Bus } from "../../../bus/api.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Fuse } from "../../../schemas/types.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { alignedRows, count, formatCount } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { faultLine } from "../output.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";

export type FuseJob = { do: "ls" } | { do: "close"; collection: string; yes: boolean; discard: boolean };

const CALL_MS = 30_000;

/** Throws NOT_FOUND for a fuse that is closed and holds nothing, BAD_CONFIG when there is nobody to ask, and what connectObserver throws. */
export async function runFuse(job: FuseJob, target: Target, context: Context): Promise<void> {
  const { signal } = context.stop;
  await inTemporaryFolder(async (dir) => {
    const { bus } = await connectObserver("fuse", { target, dir, signal });
    try {
      const { fuses } = await bus.call("fuses.list", {}, { signal, timeoutMs: CALL_MS });
      if (job.do === "ls") list(fuses, context);
      else await close(bus, job, fuses, context);
    } finally {
      await bus.close();
    }
  });
}

function list(fuses: readonly Fuse[], { output }: Context): void {
  const rows = fuses.map(({ collection, openedAt = "-", deleted, size, held }) => {
    const of = deleted === undefined ? "-" : `${formatCount(deleted)} of ${formatCount(size ?? 0)}`;
    return [collection, openedAt, of, formatCount(held)];
  });
  if (rows.length === 0) output.line("No fuse is open.");
  else for (const line of alignedRows([["COLLECTION", "OPEN SINCE", "DELETED", "HELD"], ...rows], [2, 3])) output.line(line);
  for (const { collection, held, some } of fuses) {
    for (const { id, by, webserver, at } of some)
      output.line(`  ${collection} ${JSON.stringify(id)}: by ${by === 0 ? "the system" : `user ${by}`} on ${webserver}, ${at}`);
    if (held > some.length) output.line(`  … and ${formatCount(held - some.length)} more of ${collection}`);
  }
  output.figures({ fuses });
}

async function close(
  bus: Bus,
  { collection, yes, discard }: FuseJob & { do: "close" },
  fuses: readonly Fuse[],
  context: Context,
): Promise<void> {
  const { output, stop } = context;
  const fuse = fuses.find((each) => each.collection === collection);
  if (!fuse)
    throw new FrontsyncError("NOT_FOUND", `The fuse of ${collection} is closed, and holds nothing. See \`frontsync fuse ls\`.`);
  const what = discard ? "Discard" : "Let go";
  if (!yes && !(await confirmed(`${what} ${count(fuse.held, "deletion")} of ${collection}?`, stop.signal))) {
    output.line("Nothing was done.");
    throw new Failed();
  }
  const all = { count: 0, refused: [] as { id: string; refused: { code: string; message: string } }[] };
  for (let done = false; !done; ) {
    const reply = await bus.call("fuses.close", { collection, discard }, { signal: stop.signal, timeoutMs: CALL_MS });
    all.count += reply.count;
    all.refused.push(...reply.refused);
    ({ done } = reply);
  }
  for (const { id, refused } of all.refused)
    output.note(faultLine({ code: refused.code as "INTERNAL", message: `${collection} ${id}: ${refused.message}` }));
  output.line(`${collection}: ${count(all.count, "deletion")} ${discard ? "discarded" : "let go"}. The fuse is closed.`);
  output.figures({ ok: all.refused.length === 0, collection, discard, ...all });
  if (all.refused.length > 0) throw new Failed();
}

async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!stdin.isTTY)
    throw new FrontsyncError("BAD_CONFIG", "There is no terminal to ask: look at `frontsync fuse ls`, then give --yes.");
  const terminal = createInterface({ input: stdin, output: stderr });
  // In the terminal's raw mode a Ctrl-C is a character like any other: it is passed on as the signal that it means.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  // A Ctrl-D is no answer: before the terminal is in that mode it ends the input, and would leave the question open for ever.
  const ended = once(terminal, "close").then(() => "");
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ABORT_ERR") return false;
    throw error;
  } finally {
    terminal.close();
  }
}
