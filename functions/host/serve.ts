/** Serves the functions as one NATS micro service in a queue group: takes a request apart, checks it, answers it. */
import { clock } from "../../bus/platform/clock.ts";
import { DEFAULT_TIMEOUT_MS } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { VERSION } from "../../bus/platform/package.ts";
import { headerValue } from "../../bus/wire/envelope.ts";
import { decodeFrame } from "../../bus/wire/frame.ts";
import { type Connection, makeHeaders, rawHeaders, type ServiceMsg } from "../../bus/wire/nats.ts";
import {
  ALL_COLLECTIONS,
  inboxPrefix,
  isOwn,
  parseRequestSubject,
  requestSubject,
  WEBSERVER_ID,
} from "../../bus/wire/subjects.ts";
import { headerText } from "../../bus/wire/version.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Messages } from "../../schemas/types.ts";
import type { Caller, Context, DatastoreFunction } from "./define.ts";
import { errorReply } from "./refusal.ts";

export const SERVICE = "frontsync";
const QUEUE = "functions";
/** ms since 1970, by the datastore's clock. */
export const DEADLINE_HEADER = "Fs-Deadline";
/** Replies that come from another account arrive under a subject that the server made. */
const MAPPED_REPLY = "_R_.";
/** Requests that are being answered; more are refused, so that a flood can't fill the memory. */
const MAX_UNDERWAY = 20_000;
const NO_BYTES = new Uint8Array(0);

/** What the requests show of the deployment: whether any came from within the functions' own account. */
export interface Observed {
  oneAccount: boolean;
}

/** Starts to answer. The promise of the answers that are under way is for a drain. */
export async function serveFunctions(
  connection: Connection,
  functions: readonly DatastoreFunction[],
  context: Context,
  observed: Observed,
) {
  const underway = new Set<Promise<void>>();
  const endpoints = functions.map((definition) => ({
    // A service's endpoint has no dot in its name.
    name: definition.name.replaceAll(".", "-"),
    subject: subjectOf(definition),
    metadata: { description: definition.description, request: `${definition.name}.request`, reply: definition.reply },
    handle(message: ServiceMsg) {
      if (!mayAnswer(message, observed)) return;
      if (underway.size >= MAX_UNDERWAY) {
        return refuse(
          definition,
          message,
          new FrontsyncError("DATASTORE_UNREACHABLE", "The datastore is overloaded. Try again."),
        );
      }
      const answering = answer(definition, message, context).finally(() => underway.delete(answering));
      underway.add(answering);
    },
  }));
  await connection.serve({ name: SERVICE, version: VERSION, description: "The datastore of frontsync", queue: QUEUE }, endpoints);
  return { settled: () => Promise.allSettled(underway) };
}

function subjectOf({ name, scope }: DatastoreFunction): string {
  const [collection = "", verb = ""] = name.split(".");
  if (scope === "named") return requestSubject(collection, verb, "*");
  return requestSubject(scope === "all" ? ALL_COLLECTIONS : "*", name, "*");
}

async function answer(definition: DatastoreFunction, message: ServiceMsg, context: Context): Promise<void> {
  try {
    const caller = callerOf(message);
    // Nobody waits for the answer any more, and its sender may have moved on.
    if (caller.deadline <= clock.now()) return;
    if (definition.scope === "collection" && (!definition.undeclared || isOwn(caller.collection)))
      context.schemas.collection(caller.collection);
    const { head, bytes } = definition.framed ? decodeFrame(message.data) : { head: message.data, bytes: NO_BYTES };
    const request = context.schemas.read(`${definition.name}.request`, head);
    const asked = request as Messages[`${typeof definition.name}.request`];
    const reply = await definition.handle(asked, { ...caller, bytes }, context);
    message.respond(reply instanceof Uint8Array ? reply : JSON.stringify(reply));
  } catch (error) {
    refuse(definition, message, error);
  }
}

/** Who asks; throws BAD_MESSAGE. */
function callerOf(message: ServiceMsg): Omit<Caller, "bytes"> {
  const { webserver, collection } = parseRequestSubject(message.subject);
  if (!WEBSERVER_ID.test(webserver)) throw new FrontsyncError("BAD_MESSAGE", "The subject's last token is no webserver's id.");
  const given = headerValue(headerText(rawHeaders(message)), DEADLINE_HEADER);
  const deadline = Number(given || clock.now() + DEFAULT_TIMEOUT_MS);
  if (Number.isNaN(deadline)) throw new FrontsyncError("BAD_MESSAGE", `The header ${DEADLINE_HEADER} is no time.`);
  return { webserver, collection, deadline };
}

/** Whether this request may be answered at all, be it by an error. In one account a forged reply subject would make us write where the
 *  sender may not. */
function mayAnswer({ reply, subject }: ServiceMsg, observed: Observed): boolean {
  if (!reply) return false;
  if (reply.startsWith(MAPPED_REPLY)) return true;
  observed.oneAccount = true;
  return reply.startsWith(`${inboxPrefix(parseRequestSubject(subject).webserver)}.`);
}

function refuse(definition: DatastoreFunction, message: ServiceMsg, thrown: unknown): void {
  const refusal = errorReply(thrown, message.subject, definition);
  const headers = makeHeaders();
  headers.set("Nats-Service-Error", oneLine(refusal.message));
  headers.set("Nats-Service-Error-Code", refusal.code);
  try {
    message.respond(JSON.stringify(refusal), { headers });
  } catch (cause) {
    log.error({ err: cause }, "an error could not be answered");
  }
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500);
}
