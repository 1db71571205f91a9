/** The schema files as components of docs/asyncapi.json. */

import type { SchemaFile, Sources } from "../sources.ts";
import { toSchema } from "./parts.ts";

export function components({ common, password, messages, collections }: Sources): Record<string, unknown> {
  return Object.fromEntries([common, password, ...messages, ...collections].map((file) => [file.$id, component(file)]));
}

/** Without what names the file: here the component's key does. A collection's declaration becomes an extension. */
function component({ $schema: _dialect, $id, collection, ...rest }: SchemaFile): unknown {
  return { ...(relinked(rest, $id) as object), ...(collection !== undefined && { "x-collection": collection }) };
}

/** With references that lead from anywhere in the document. */
function relinked(value: unknown, id: string): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => relinked(member, id));
  const { $ref, ...rest } = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, relinked(member, id)]));
  if (typeof $ref !== "string") return rest;
  const link = toSchema($ref.startsWith("#") ? `${id}${$ref.slice(1)}` : $ref);
  // What stands beside a reference would be ignored.
  return Object.keys(rest).length === 0 ? link : { allOf: [link], ...rest };
}
