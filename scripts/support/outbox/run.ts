/** Looks into a webserver's outbox, and changes it: itself while the webserver is stopped, else by asking it. */
import { CONTROL_SOCKET } from "../../../bus/control.ts";
import { lettersNamed } from "../../../bus/dead-letters.ts";
import { Outbox, type OutboxContents } from "../../../bus/outbox/outbox.ts";
import { asQueued } from "../../../bus/outbox/request.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { lockDir } from "../../../bus/platform/dir-lock.ts";
import { writeAtomically } from "../../../bus/platform/files.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { loadSchemas, type Schemas } from "../../../schemas/index.ts";
import type { DeadLettersReply } from "../../../schemas/types.ts";
import { type Context, Failed } from "../cli.ts";
import type { Output } from "../output.ts";
import { startProgress } from "../progress.ts";
import { unwritable } from "../unwritable.ts";
import { askRunning } from "./ask.ts";

export type Job =
  | { do: "ls" }
  | { do: "export"; waiting: boolean; output: string | undefined }
  | { do: "retry" | "discard"; mutations: "all" | readonly string[] };

/** Throws NOT_FOUND when the folder has no outbox, or a mutation no dead letter; BAD_CONFIG; DIR_IN_USE when a webserver works in the
 *  folder and can't be asked; Failed when something was refused again. */
export async function runOutbox(dir: string, job: Job, context: Context): Promise<void> {
  const { output } = context;
  const contents = Outbox.read(dir, loadSchemas());
  if (contents.damaged > 0)
    output.note(`${contents.damaged} lines of ${dir}/outbox can't be read. The webserver sets them aside when it starts.`);
  if (job.do === "ls") list(contents, output);
  else if (job.do === "export") exportAll(contents, job, output);
  else await change(dir, job.do, job.mutations, context);
}

function list({ waiting, deadLetters }: OutboxContents, output: Output): void {
  for (const kept of waiting) {
    const { body: _body, ...queued } = asQueued(kept);
    output.figures({ kind: "waiting", ...queued });
  }
  for (const { body: _body, ...letter } of deadLetters) output.figures({ kind: "dead", ...letter });
  output.line(`${counted(waiting.length, "write waits", "writes wait")} for the datastore.`);
  for (const { mutation, op, collection, id = "", at } of waiting) output.line(`  ${at}  ${mutation}  ${op} ${collection}/${id}`);
  output.line(`${counted(deadLetters.length, "write was", "writes were")} refused${deadLetters.length > 0 ? ":" : "."}`);
  for (const { mutationId, op, collection, id, at, code, message } of deadLetters)
    output.line(`  ${at}  ${mutationId}  ${op} ${collection}/${id}\n    ${output.paint("red", code)}: ${message}`);
}

function exportAll(
  { waiting, deadLetters }: OutboxContents,
  job: { waiting: boolean; output: string | undefined },
  output: Output,
): void {
  const dead = deadLetters.map((letter) => ({ kind: "dead", ...letter }));
  const lines = [...dead, ...(job.waiting ? waiting.map((kept) => ({ kind: "waiting", ...asQueued(kept) })) : [])];
  if (job.output === undefined) {
    for (const line of lines) {
      output.figures(line);
      output.line(JSON.stringify(line));
    }
    return;
  }
  try {
    writeAtomically(job.output, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  } catch (cause) {
    throw unwritable(job.output, cause);
  }
  output.line(`${counted(lines.length, "write is", "writes are")} in ${job.output}.`);
  output.figures({ ok: true, exported: lines.length, file: job.output });
}

async function change(
  dir: string,
  what: "retry" | "discard",
  mutations: "all" | readonly string[],
  context: Context,
): Promise<void> {
  const { output } = context;
  const schemas = loadSchemas();
  const lock = takeUnlessHeld(dir);
  if (!lock) return await changeRunning(dir, { do: what, mutations }, schemas, context);
  try {
    const outbox = Outbox.open(dir, schemas);
    try {
      const letters = lettersNamed(outbox.deadLetters, mutations);
      for (const letter of letters) await outbox[what](letter);
      const { length } = letters;
      if (what === "retry")
        output.line(`${counted(length, "write waits", "writes wait")} again; the webserver sends it when it starts.`);
      else output.line(`${counted(length, "write is", "writes are")} given up.`);
      output.figures({ ok: true, [what === "retry" ? "retried" : "discarded"]: length, left: outbox.deadLetters.length });
    } finally {
      await outbox.close();
    }
  } finally {
    lock.release();
  }
}

/** undefined: a webserver works there. */
function takeUnlessHeld(dir: string): { release(): void } | undefined {
  try {
    return lockDir(dir, CONTROL_SOCKET);
  } catch (error) {
    if (error instanceof FrontsyncError && error.code === "DIR_IN_USE") return undefined;
    throw error;
  }
}

/** Throws Failed when something was refused, and what askRunning throws. */
async function changeRunning(
  dir: string,
  wish: { do: "retry" | "discard"; mutations: "all" | readonly string[] },
  schemas: Schemas,
  { output, stop }: Context,
): Promise<void> {
  const progress = startProgress("write", process.stderr, clock.monotonic);
  const { do: what, mutations } = wish;
  const of = { meant: 0, done: 0, waiting: 0, refused: 0, left: 0 };
  const asked = { do: what, mutations: mutations === "all" ? mutations : [...new Set(mutations)] };
  try {
    for await (const { kind, count = 0, ...one } of askRunning(dir, asked, schemas, stop.signal)) {
      if (kind === "meant") of.meant = count;
      else if (kind === "end") of.left = count;
      else of[kind === "done" ? "done" : "refused"]++;
      if (one.revision === null) of.waiting++;
      progress.update(of.done + of.refused, of.meant);
      if (kind === "refused") progress.end();
      if (kind === "refused") tellRefused(output, one);
    }
  } finally {
    progress.end();
  }
  const { done, waiting, refused, left } = of;
  if (what === "discard") output.line(`${counted(done, "write is", "writes are")} given up.`);
  else {
    output.line(`${counted(done - waiting, "write is", "writes are")} stored by the datastore.`);
    if (waiting > 0) output.line(`${counted(waiting, "write waits", "writes wait")} until the datastore answers.`);
  }
  const figures = what === "discard" ? { discarded: done } : { retried: done, waiting };
  output.figures({ ok: refused === 0, ...figures, refused, left });
  if (refused > 0) {
    output.note(`${counted(refused, "write was", "writes were")} refused again, and stay as they were.`);
    throw new Failed();
  }
}

function tellRefused(output: Output, { mutation, collection, id, code, message }: Omit<DeadLettersReply, "kind">): void {
  output.figures({ kind: "refused", mutationId: mutation, collection, id, code, message });
  output.note(`${mutation}  ${collection}/${id}: ${code}: ${message}`);
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
