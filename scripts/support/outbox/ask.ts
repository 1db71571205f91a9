/** Asks the process that works in a webserver's folder to change what is in its outbox. */
import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { controlSocket } from "../../../bus/control.ts";
import { FrontsyncError, isErrorCode } from "../../../schemas/errors.ts";
import type { Schemas } from "../../../schemas/index.ts";
import type { DeadLettersReply, DeadLettersRequest } from "../../../schemas/types.ts";

/** So long without a word; one write has its own deadline, of 10 s. */
const SILENCE_MS = 60_000;
/** Nobody listens there, or we may not ask. */
const NOT_THERE = ["ENOENT", "ECONNREFUSED", "EACCES", "EPERM", "EINVAL", "ENAMETOOLONG"];

/** What it says, line by line; the last one is `end`. Throws DIR_IN_USE when nobody answers, TIMEOUT, OUTCOME_UNKNOWN when the answer breaks off, and what the
 *  process refuses with. */
export async function* askRunning(
  dir: string,
  wish: DeadLettersRequest,
  schemas: Schemas,
  signal: AbortSignal,
): AsyncGenerator<DeadLettersReply> {
  const response = await begin(dir, wish, signal);
  for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
    const reply = schemas.read("dead-letters.reply", line);
    if (reply.kind === "error") throw refused(reply);
    yield reply;
    if (reply.kind === "end") return;
  }
  signal.throwIfAborted();
  throw new FrontsyncError(
    "OUTCOME_UNKNOWN",
    `The webserver in ${dir} ended, or was silent for ${SILENCE_MS / 1000} s, before all was done. See \`frontsync outbox ls\`, and do it again.`,
  );
}

function begin(dir: string, wish: DeadLettersRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: controlSocket(dir), method: "POST", path: "/dead-letters", signal }, (response) => {
      // What broke off is noticed by the missing end.
      response.on("error", () => {});
      resolve(response);
    });
    asked.setTimeout(SILENCE_MS, () => asked.destroy());
    asked.on("error", (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else reject(NOT_THERE.includes(error.code ?? "") ? unheard(dir, wish, error) : broken(dir, error));
    });
    asked.end(JSON.stringify(wish));
  });
}

function unheard(dir: string, wish: DeadLettersRequest, cause: Error): FrontsyncError {
  const what = `A webserver works in ${dir}, and can't be asked to ${wish.do} anything (${cause.message})`;
  const todo = "Run this as the user who runs the webserver; while it is starting or ending try again; else stop it first";
  return new FrontsyncError("DIR_IN_USE", `${what}. ${todo}. \`ls\` and \`export\` work meanwhile.`, { cause });
}

function broken(dir: string, cause: Error): FrontsyncError {
  const what = `The webserver in ${dir} gave no answer: ${cause.message}`;
  return new FrontsyncError("OUTCOME_UNKNOWN", `${what}. See \`frontsync outbox ls\`, and do it again.`, { cause });
}

function refused({ code = "", message = "" }: DeadLettersReply): FrontsyncError {
  return new FrontsyncError(isErrorCode(code) ? code : "INTERNAL", message);
}
