/** What requests for documents have in common, and how they are answered. */
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  type CollectionSchema,
  type Entry,
  FrontsyncError,
  type Query,
  type WriteOptions,
  type Written,
} from "../../../bus/index.ts";
import { sessionOf } from "../sessions/authenticate.ts";

type Doc = Record<string, unknown>;

/** A mutation id with what names the user before it. */
const IDEMPOTENCY_KEY = /^[A-Za-z0-9_.:-]{1,100}$/;
const REVISION = /^(?:W\/)?"(\d{1,16})"$/;

/** A parameter of the path. */
export function param(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? "";
}

/** The user that the path names by uid, or `me`. Throws NOT_FOUND for what can't be a uid. */
export function uidOf(request: FastifyRequest): number {
  const uid = param(request, "uid");
  return uid === "me" ? sessionOf(request).uid : numberIn(uid, "user");
}

/** A number that the path names a document by. Throws NOT_FOUND for what can't be one. */
export function numberIn(text: string, what: string): number {
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw new FrontsyncError("NOT_FOUND", `There is no such ${what}: its id is a number.`);
}

/** A JSON object that was sent. Throws BAD_MESSAGE. */
export function objectOf({ body }: FastifyRequest): Doc {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Doc;
  throw new FrontsyncError("BAD_MESSAGE", "Send a JSON object.", { path: "" });
}

/** `limit`, `after`, `sort`; any other parameter filters by an index of its name. Throws BAD_MESSAGE; the list itself UNKNOWN_INDEX. */
export function queryOf({ fields }: CollectionSchema, request: FastifyRequest, where: Doc = {}): Query<Doc> {
  const { limit, after, sort, ...filters } = request.query as Record<string, unknown>;
  const query: Query<Doc> = { where: { ...where } };
  for (const [field, text] of Object.entries(filters)) {
    const value = typed(field, text, fields[field]?.type);
    query.where = { ...query.where, [field]: value };
  }
  if (limit !== undefined) query.limit = typed("limit", limit, "integer") as number;
  if (after !== undefined) query.after = typed("after", after, "string") as string;
  if (sort !== undefined) query.sort = typed("sort", sort, "string") as string;
  return query;
}

function typed(name: string, text: unknown, type: unknown): unknown {
  if (typeof text === "string") {
    if (type === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
    if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
    if (type !== "integer" && type !== "boolean") return text;
  }
  throw new FrontsyncError(
    "BAD_MESSAGE",
    `The parameter '${name.slice(0, 64)}' must be given once, as ${String(type ?? "text")}.`,
    {
      path: `/${name.slice(0, 64)}`,
    },
  );
}

/** If-Match: "revision", If-None-Match: * (it must not exist), Idempotency-Key. Throws BAD_MESSAGE. */
export function writeOptionsOf(request: FastifyRequest): WriteOptions {
  const { "if-match": match, "if-none-match": noneMatch, "idempotency-key": key } = request.headers;
  const options: WriteOptions = {};
  if (noneMatch === "*") options.ifRevision = 0;
  if (match !== undefined) {
    const revision = REVISION.exec(match)?.[1];
    if (revision === undefined)
      throw new FrontsyncError("BAD_MESSAGE", 'If-Match must be one ETag of this document, such as "17".');
    options.ifRevision = Number(revision);
  }
  if (key !== undefined) {
    if (typeof key !== "string" || !IDEMPOTENCY_KEY.test(key))
      throw new FrontsyncError("BAD_MESSAGE", "Idempotency-Key must be 1 to 100 characters of [A-Za-z0-9_.:-].");
    // Of this user alone: another one's write is not to be taken for theirs.
    options.mutationId = `u${sessionOf(request).uid}:${key}`;
  }
  return options;
}

/** The document, with its revision as ETag. Throws NOT_FOUND. */
export function shown<T>(entry: Entry<T> | undefined, reply: FastifyReply): T {
  if (!entry) throw new FrontsyncError("NOT_FOUND", "There is no such document, or you may not see it.");
  void reply.header("etag", `"${entry.revision}"`);
  if (entry.pending) void reply.header("frontsync-pending", "true");
  return entry.doc;
}

/** 202 while it waits in the outbox. */
export function written(result: Written, reply: FastifyReply, status = 200): Written {
  const { id, revision, mutationId } = result;
  if (revision !== null) void reply.header("etag", `"${revision}"`);
  void reply.code(revision === null ? 202 : status);
  return { id, revision, mutationId };
}

/** Aborts when the answer is over, also because the client has gone: nothing is made for nobody. */
export function untilClosed(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new FrontsyncError("CLOSED", "The client is gone.")));
  return gone.signal;
}
