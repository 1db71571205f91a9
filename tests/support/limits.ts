/** The limits of a JSON Schema, each with values at it, beside it and over it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { escapePointer } from "../../schemas/document.ts";

export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: Schema;
  required?: readonly string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
}

/** One limit of one place: whole documents that are right but for what is said. */
export interface Limit {
  keyword: string;
  good: unknown[];
  bad: { doc: unknown; path: string }[];
}

/** Keywords that limit nothing, or that others here stand for. */
const SAYING = ["$schema", "$id", "title", "description", "readOnly", "writeOnly", "properties", "items"];
const LIMITING: Record<string, (schema: Schema) => { good: unknown[]; bad: unknown[] }> = {
  type: (schema) => ({ good: [sample(schema)], bad: [null, true, 1.5, "text", [], {}].filter((value) => !isOf(schema, value)) }),
  enum: ({ enum: values = [] }) => ({ good: values, bad: [`no ${values[0]}`, null] }),
  format: () => ({ good: ["2024-02-29T23:59:59.999Z"], bad: ["2023-02-29T00:00:00Z", "2024-02-29", "yesterday"] }),
  pattern: ({ pattern = "" }) => patterned(new RegExp(pattern)),
  minLength: (schema) => beside(schema.minLength, 1, (length) => text(schema, length)),
  maxLength: (schema) => beside(schema.maxLength, -1, (length) => text(schema, length)),
  minimum: ({ minimum }) => beside(minimum, 1, (n) => n),
  maximum: ({ maximum }) => beside(maximum, -1, (n) => n),
  minItems: (schema) => beside(schema.minItems, 1, (length) => list(schema, length)),
  maxItems: (schema) => beside(schema.maxItems, -1, (length) => list(schema, length)),
  uniqueItems: (schema) => ({ good: [list(schema, 2)], bad: [[sample(schema.items), sample(schema.items)]] }),
};

/** Every limit of `schema` and of what is in it. `resolve`: the schema that a reference means. */
export function* limitsOf(schema: Schema, resolve: (reference: string) => Schema): Generator<Limit> {
  yield* walk(inlined(schema, resolve) as Schema, "", (value) => value);
}

/** `around`: the whole document with this value in its place. */
function* walk(schema: Schema, path: string, around: (value: unknown) => unknown): Generator<Limit> {
  for (const keyword of Object.keys(schema).filter((one) => !SAYING.includes(one))) {
    const name = `${path} ${keyword}`;
    if (keyword === "required") yield required(schema, path, name, around);
    else if (keyword === "additionalProperties") yield closed(schema, path, name, around);
    else {
      const values = LIMITING[keyword];
      assert.ok(values, `${name}: this limit is not tested; add it to tests/support/limits.ts`);
      const { good, bad } = values(schema);
      yield { keyword: name, good: good.map(around), bad: bad.map((value) => ({ doc: around(value), path })) };
    }
  }
  for (const [field, property] of Object.entries(schema.properties ?? {})) {
    yield* walk(property, `${path}/${escapePointer(field)}`, (value) =>
      around({ ...(sample(schema) as object), [field]: value }),
    );
  }
  if (schema.items) yield* walk(schema.items, `${path}/0`, (value) => around([value]));
}

function required(schema: Schema, path: string, keyword: string, around: (value: unknown) => unknown): Limit {
  const whole = sample(schema) as Record<string, unknown>;
  const bad = (schema.required ?? []).map((field) => {
    const { [field]: _left, ...rest } = whole;
    return { doc: around(rest), path: `${path}/${field}` };
  });
  return { keyword, good: [around(whole)], bad };
}

function closed(schema: Schema, path: string, keyword: string, around: (value: unknown) => unknown): Limit {
  assert.equal(schema.additionalProperties, false, keyword);
  const whole = sample(schema) as object;
  return { keyword, good: [around(whole)], bad: [{ doc: around({ ...whole, "not/there": 1 }), path: `${path}/not~1there` }] };
}

/** At the limit, one step inside (`inwards`: 1 or -1), one step outside. */
function beside(limit: number | undefined, inwards: 1 | -1, value: (n: number) => unknown) {
  assert.ok(limit !== undefined);
  return { good: [value(limit), value(limit + inwards)], bad: [value(limit - inwards)] };
}

function patterned(pattern: RegExp) {
  const good = fc.sample(fc.stringMatching(pattern), { numRuns: 50, seed: 1 });
  const near = good.flatMap((text) => [`${text} `, ` ${text}`, `${text}\n`, text.slice(1), ""]);
  const bad = near.filter((text) => !pattern.test(text));
  assert.ok(bad.length > 0, `${pattern} refuses nothing that was tried`);
  return { good, bad };
}

/** The smallest value that fits: of an object the required fields. */
function sample(schema: Schema = {}): unknown {
  const { type, properties = {}, required: names = [] } = schema;
  if (schema.enum) return schema.enum[0];
  if (type === "string") return text(schema, Math.max(1, schema.minLength ?? 1));
  if (type === "integer") return schema.minimum ?? 0;
  if (type === "boolean") return true;
  if (type === "array") return list(schema, schema.minItems ?? 0);
  if (type === "object") return Object.fromEntries(names.map((name) => [name, sample(properties[name])]));
  assert.equal(type, undefined, `no sample of the type ${type}`);
  return null;
}

function text({ format, pattern, minLength, maxLength }: Schema, length: number): string {
  if (format) return "2026-01-01T00:00:00.000Z";
  if (pattern && (minLength ?? maxLength) === undefined)
    return fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 1, seed: 1 })[0] as string;
  // Of two UTF-16 units each: a limit counts characters.
  return "😀".repeat(length);
}

function list({ items = {} }: Schema, length: number): unknown[] {
  return Array.from({ length }, (_, at) => (items.type === "integer" ? (items.minimum ?? 0) + at : `item ${at}`));
}

function isOf({ type }: Schema, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** With what the references mean in their place. */
function inlined(value: unknown, resolve: (reference: string) => Schema): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => inlined(member, resolve));
  const { $ref, ...rest } = value as Schema;
  const meant = $ref === undefined ? {} : (inlined(resolve($ref), resolve) as object);
  return { ...meant, ...Object.fromEntries(Object.entries(rest).map(([name, member]) => [name, inlined(member, resolve)])) };
}
