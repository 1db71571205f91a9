/** Looks into a webserver's outbox, and changes that of a stopped one. */
import type { DeadLetter } from "../../../bus/api.ts";
import { Outbox, type OutboxContents } from "../../../bus/outbox/outbox.ts";
import type { Kept } from "../../../bus/outbox/request.ts";
import { lockDir } from "../../../bus/platform/dir-lock.ts";
import { writeAtomically } from "../../../bus/platform/files.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { loadSchemas } from "../../../schemas/index.ts";
import type { Context } from "../cli.ts";
import type { Output } from "../output.ts";

export type Job =
  | { do: "ls" }
  | { do: "export"; waiting: boolean; output: string | undefined }
  | { do: "retry" | "discard"; mutations: "all" | readonly string[] };

/** Throws NOT_FOUND when the folder has no outbox, or a mutation no dead letter; DIR_IN_USE when a webserver works in a folder that is to be
 *  changed; BAD_CONFIG. */
export async function runOutbox(dir: string, job: Job, { output }: Context): Promise<void> {
  const contents = Outbox.read(dir, loadSchemas());
  if (contents.damaged > 0)
    output.note(`${contents.damaged} lines of ${dir}/outbox can't be read. The webserver sets them aside when it starts.`);
  if (job.do === "ls") list(contents, output);
  else if (job.do === "export") exportAll(contents, job, output);
  else await change(dir, job.do, job.mutations, output);
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
    throw new FrontsyncError("BAD_CONFIG", `${job.output} can't be written: ${(cause as Error).message}`, { cause });
  }
  output.line(`${counted(lines.length, "write is", "writes are")} in ${job.output}.`);
  output.figures({ ok: true, exported: lines.length, file: job.output });
}

async function change(
  dir: string,
  what: "retry" | "discard",
  mutations: "all" | readonly string[],
  output: Output,
): Promise<void> {
  if (mutations.length === 0)
    throw new FrontsyncError(
      "BAD_CONFIG",
      `Name the mutations to ${what}, as \`frontsync outbox ls\` shows them, or give --all.`,
    );
  const lock = taken(dir, what);
  try {
    const outbox = Outbox.open(dir, loadSchemas());
    try {
      const letters = mutations === "all" ? outbox.deadLetters : [...new Set(mutations)].flatMap((id) => lettersOf(outbox, id));
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

/** All that have it: a caller may have used one mutation id for several documents. */
function lettersOf(outbox: Outbox, mutation: string): DeadLetter[] {
  const letters = outbox.deadLetters.filter(({ mutationId }) => mutationId === mutation);
  if (letters.length > 0) return letters;
  throw new FrontsyncError("NOT_FOUND", `There is no dead letter ${JSON.stringify(mutation.slice(0, 80))}; nothing was changed.`);
}

function taken(dir: string, what: "retry" | "discard"): { release(): void } {
  try {
    return lockDir(dir);
  } catch (error) {
    if (!(error instanceof FrontsyncError) || error.code !== "DIR_IN_USE") throw error;
    const todo = `Stop that webserver first, or let it do it itself (bus.deadLetters.${what}); \`ls\` and \`export\` work meanwhile.`;
    throw new FrontsyncError("DIR_IN_USE", `A webserver works in ${dir}, and its outbox can't be changed under it. ${todo}`, {
      cause: error,
    });
  }
}

function asQueued({ mutation, collection, id = "", op, at, by, body, content }: Kept) {
  const said = { ...(body !== undefined && { body }), ...(content && { content }) };
  return { mutationId: mutation, collection, id, op, at, by, ...said };
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
