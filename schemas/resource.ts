/** What a content makes of a resource's document: the one place that says it, for webservers and functions alike. Pure. */
import { type Doc, withoutReadOnly } from "./document.ts";
import type { CollectionSchema } from "./index.ts";

/** The collection. */
export const RESOURCES = "resources";

/** A content, by its SHA-256 in hex, and its size in bytes. */
export interface Content {
  readonly sha256: string;
  readonly size: number;
}

/** The document with a content, and with the fields that were given with it; its others stay. Another content is a new version. */
export function withContent(schema: CollectionSchema, before: Doc | undefined, fields: Doc, { sha256, size }: Content): Doc {
  const version = Number(before?.version ?? 0) + (before?.sha256 === sha256 ? 0 : 1);
  return { ...before, ...withoutReadOnly(schema, fields), sha256, size, version };
}
