/** Asking this webserver. Whoever is logged in is known by a cookie that no script can read. */

import { newId } from "../lib/panels.ts";

export class ApiError extends Error {
  /** Of schemas/errors.ts; OFFLINE: the webserver does not answer. */
  readonly code: string;
  readonly status: number;
  readonly path: string | undefined;

  constructor(code: string, message: string, status: number, path?: string) {
    super(message);
    this.code = code;
    this.status = status;
    this.path = path;
  }
}

export interface Answer<T> {
  body: T;
  /** Of the document that was read or written; undefined: it waits, or this is no document. */
  revision: number | undefined;
  /** It holds a write that the datastore has not acknowledged. */
  pending: boolean;
  headers: Headers;
}

export interface Asked {
  body?: unknown;
  /** Refuse unless the document is at this revision. */
  ifRevision?: number | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const LOGIN = "/api/login";

/** Called when an answer says that nobody is logged in any more. */
let onLoggedOut: () => void = () => {};

export function whenLoggedOut(listener: () => void): void {
  onLoggedOut = listener;
}

/** Of what was sent and not answered, the keys: whoever tries again makes no second one of it. */
const unanswered = new Map<string, string>();

/** Throws ApiError. */
export async function ask<T>(method: Method, path: string, asked: Asked = {}): Promise<Answer<T>> {
  const { body, ifRevision, signal } = asked;
  const form = body instanceof FormData;
  const headers: Record<string, string> = {
    ...(body !== undefined && !form && { "content-type": "application/json" }),
    ...(ifRevision !== undefined && (ifRevision === 0 ? { "if-none-match": "*" } : { "if-match": `"${ifRevision}"` })),
    ...asked.headers,
  };
  const sent = body === undefined ? {} : { body: form ? body : JSON.stringify(body) };
  // A login makes nothing, and what is typed there is not kept.
  const making = method === "POST" && typeof sent.body === "string" && path !== LOGIN ? `${path} ${sent.body}` : undefined;
  if (making !== undefined) {
    const key = unanswered.get(making) ?? newId();
    unanswered.set(making, key);
    headers["idempotency-key"] = key;
  }
  let response: Response;
  try {
    response = await fetch(path, { method, headers, ...sent, ...(signal && { signal }) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("OFFLINE", "This webserver does not answer. What you have typed is still here; try again in a moment.", 0);
  }
  if (making !== undefined && response.status < 500) unanswered.delete(making);
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text);
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    body: (isJson ? JSON.parse(text) : text) as T,
    revision: revisionOf(response.headers),
    pending: response.headers.has("frontsync-pending"),
    headers: response.headers,
  };
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask<T>("GET", path, signal ? { signal } : {})).body;
}

/** What a refusal says, also one that did not come by `ask`. */
export function refusal(status: number, text: string): ApiError {
  let said: { code?: string; message?: string; path?: string } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // Of a proxy in between.
  }
  const { code = "UNKNOWN", message = `The webserver answered with status ${status}.`, path } = said;
  if (code === "NOT_LOGGED_IN") onLoggedOut();
  return new ApiError(code, message, status, path);
}

function revisionOf(headers: Headers): number | undefined {
  const found = /^(?:W\/)?"(\d{1,16})"$/.exec(headers.get("etag") ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A part of a path. */
export const part = (text: string | number): string => encodeURIComponent(text);
