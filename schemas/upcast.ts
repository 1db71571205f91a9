/** Documents of older schema versions, read as the collection's schema has them now. Pure. What is stored stays as it was written; its
 *  envelope says by which version. Nothing is done to a document that is newer than the schema: its fields are unknown ones then. */
import { type Doc, escapePointer } from "./document.ts";
import type { CollectionSchema } from "./index.ts";
import type { CollectionDeclaration, FieldChange, Upcast } from "./types.ts";

type Versioned = Pick<CollectionSchema, "version" | "upcast">;

/** A document that was written by schema `version`. */
export function upcast(schema: Versioned, doc: Doc, version: number): Doc {
  return stepsFrom(schema, version).reduce((older, step) => {
    const newer = renamed(older, step);
    for (const [name, value] of Object.entries(step.defaults ?? {})) {
      if (!newer.has(name)) newer.set(name, structuredClone(value));
    }
    return Object.fromEntries(newer);
  }, doc);
}

/** A merge patch that a webserver with schema `version` sent: it sets no defaults. */
export function upcastPatch(schema: Versioned, merge: Doc, version: number): Doc {
  return stepsFrom(schema, version).reduce<Doc>((older, step) => Object.fromEntries(renamed(older, step)), merge);
}

/** The single changes of an edit from a webserver with schema `version`. */
export function upcastDiff<D extends readonly FieldChange[] | undefined>(schema: Versioned, diff: D, version: number): D {
  return stepsFrom(schema, version).reduce<readonly FieldChange[] | undefined>(
    (older, step) =>
      older?.flatMap((change) => {
        const [, field = "", ...rest] = change.path.split("/");
        const [name] = renamed({ [field.replaceAll("~1", "/").replaceAll("~0", "~")]: true }, step).keys();
        return name === undefined ? [] : [{ ...change, path: ["", escapePointer(name), ...rest].join("/") }];
      }),
    diff,
  ) as D;
}

/** What a field was called before, its last old name first. */
export function formerNames(schema: Versioned, field: string): string[] {
  const names: string[] = [];
  for (const { rename = {} } of [...(schema.upcast ?? [])].reverse()) {
    const known = [field, ...names];
    names.push(...Object.keys(rename).filter((old) => known.includes(rename[old] as string)));
  }
  return names;
}

/** What is wrong with a declaration's steps; undefined: nothing. */
export function upcastFault(declaration: CollectionDeclaration, fields: Readonly<Record<string, unknown>>): string | undefined {
  const { version, upcast: steps = [] } = declaration;
  if (steps.length === 0) return undefined;
  if (steps.length !== version - 1 || steps.some(({ from }, index) => from !== index + 1))
    return `"upcast" must have one step from each version below ${version}, in order, from 1 on; it has them from ${steps.map(({ from }) => from).join(", ")}.`;
  for (const { rename = {}, remove = [] } of steps) {
    const reused = [...Object.keys(rename), ...remove].find((name) => Object.hasOwn(fields, name));
    if (reused !== undefined)
      return `"upcast" takes the name '${reused}' away, and the schema has such a field: an old name can't be used again.`;
  }
  return undefined;
}

function stepsFrom({ version: current, upcast: steps = [] }: Versioned, version: number): readonly Upcast[] {
  return version >= current ? [] : steps.filter(({ from }) => from >= version);
}

/** Under the new names, without what is no more. Where both names are there the old one counts: whoever wrote it did not know the new one,
 *  and only carried that along. */
function renamed(doc: Doc, { rename = {}, remove = [] }: Upcast): Map<string, unknown> {
  const kept = Object.entries(doc).filter(([name]) => !remove.includes(name));
  const stays = ([name]: [string, unknown]) => !Object.hasOwn(rename, name);
  const moved = kept.filter((entry) => !stays(entry)).map(([name, value]) => [rename[name] as string, value] as const);
  return new Map([...kept.filter(stays), ...moved]);
}
