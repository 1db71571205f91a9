/** Says an operator's word, and watches what comes of it. */
import type { Bus } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { HeldWebserver, StoresReseedReply, StoresReseedRequest } from "../../../schemas/types.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { alignedRows, count, formatCount } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import type { Output } from "../output.ts";
import { startProgress } from "../progress.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";

const LOOK_MS = 300;
const CALL_MS = 30_000;
/** So long without any progress; a webserver acts at its next check-in. */
const PATIENCE_MS = 60_000;

export interface ReseedOptions {
  word: StoresReseedRequest["word"];
  from: string[] | undefined;
  target: Target;
}

/** Throws `Failed` when webservers did not come, BAD_CONFIG when it is not clear which are meant, and what connectObserver throws. */
export async function runReseed({ word, from, target }: ReseedOptions, context: Context): Promise<void> {
  const { output, stop } = context;
  await inTemporaryFolder(async (dir) => {
    const { bus } = await connectObserver("reseed", { target, dir, signal: stop.signal });
    try {
      const said = await ask(bus, word, from);
      const waits = word === "accept" || word === "replace";
      const { reply, over, taken } = waits ? await watch(bus, said, stop.signal) : { reply: said, over: true, taken: 0 };
      report(output, reply, { word, over, taken });
      if (!over) throw new Failed();
    } finally {
      await bus.close();
    }
  });
}

async function ask(bus: Bus, word: ReseedOptions["word"], from?: string[]): Promise<StoresReseedReply> {
  return await bus.call("stores.reseed", { word, ...(from && { from }) }, { timeoutMs: CALL_MS });
}

/** Until it is over, or nothing has happened for a while. `taken`: how many documents were offered. */
async function watch(
  bus: Bus,
  said: StoresReseedReply,
  signal: AbortSignal,
): Promise<{ reply: StoresReseedReply; over: boolean; taken: number }> {
  const { id, from = [] } = said.seeding ?? {};
  const known = new Map<string, HeldWebserver["claim"]>();
  const progress = startProgress("document", process.stderr, clock.monotonic);
  let reply = said;
  let [state, since] = ["", clock.monotonic()];
  try {
    for (;;) {
      const meant = reply.held.filter(({ claim }) => from.includes(claim.generation));
      const there = new Set(meant.map(({ webserver }) => webserver));
      for (const { webserver, claim } of meant) known.set(webserver, claim);
      for (const [webserver, claim] of known)
        if (!there.has(webserver)) known.set(webserver, { ...claim, offered: claim.documents });
      const [taken, total] = [sum(known, "offered"), sum(known, "documents")];
      progress.update(taken, total);
      // Somebody else's word, or ours and all have done what it says.
      if (reply.seeding?.id !== id || (!reply.seeding?.open && meant.length === 0)) return { reply, over: true, taken };
      const now = JSON.stringify([taken, [...there], reply.seeding]);
      if (now !== state) [state, since] = [now, clock.monotonic()];
      if (clock.monotonic() - since > PATIENCE_MS) return { reply, over: false, taken };
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
      reply = await ask(bus, "look").catch((error: unknown) => {
        if (error instanceof FrontsyncError && error.retryable) return reply;
        throw error;
      });
    }
  } finally {
    progress.end();
  }
}

function sum(claims: ReadonlyMap<string, HeldWebserver["claim"]>, what: "offered" | "documents"): number {
  return [...claims.values()].reduce((all, claim) => all + claim[what], 0);
}

function report(
  output: Output,
  { generation, seeding, held }: StoresReseedReply,
  { word, over, taken }: { word: ReseedOptions["word"]; over: boolean; taken: number },
): void {
  const waiting = Object.entries(seeding?.webservers ?? {}).flatMap(([webserver, done]) => (done ? [] : [webserver]));
  if (held.length > 0) {
    const rows = held.map(({ webserver, claim }) => [
      webserver,
      claim.generation,
      formatCount(claim.documents),
      claim.newest ?? "nothing of its own",
    ]);
    for (const line of alignedRows([["held", "generation", "documents", "newest"], ...rows], [2])) output.line(line);
    for (const why of new Set(held.map(({ claim }) => claim.why))) output.line(`\n${why}`);
  } else output.line(`No webserver is held. The datastore's generation is ${generation}.`);
  for (const { uid, user, storedAs } of seeding?.renamed ?? [])
    output.note(
      `The user ${uid} is stored as '${storedAs}', and locked: somebody else is called '${user}'. Rename one of them, then unlock.`,
    );
  if (word === "accept" && over) output.line(`${count(taken, "document")} offered; of each the later version stays.`);
  if (word === "replace" && over)
    output.line("The webservers follow the datastore. What they gave up is in recovery.jsonl in their folders.");
  if (word === "close")
    output.line(
      waiting.length > 0
        ? `The datastore waits for nobody any more. ${waiting.join(", ")} can still offer what ${waiting.length > 1 ? "they have" : "it has"} later.`
        : "The datastore waits for no webserver.",
    );
  if (seeding?.open)
    output.line(
      `The datastore is being filled, and waits for ${waiting.join(", ") || "the first webserver"}: other writes wait.`,
    );
  if (!over)
    output.note(
      "Nothing has happened for a minute; what was said stays said. Start the webservers, or end it: frontsync reseed --close",
    );
  output.figures({ ok: over, word, generation, held, ...(seeding && { seeding }), ...(word === "accept" && { offered: taken }) });
}
