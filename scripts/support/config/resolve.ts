/** Of each setting: which of its sources counts, and what it says. A flag counts before the file, the file before the environment, that before
 *  the default. What is empty in one is left to the next. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { at } from "./fault.ts";
import type { FileSettings, Written } from "./file.ts";
import { DECLARATIONS, type Declaration, KEY_NAMES, type KeyName, type Values, variablesOf } from "./keys/index.ts";
import { isList, KINDS } from "./kinds.ts";

export type Flags = { readonly [K in KeyName]?: Values[K] | undefined };

/** Where a value comes from. `place`: file:line, the variable, or --flag. */
export interface Origin {
  source: "flag" | "file" | "environment" | "default";
  place?: string;
}

export interface Resolved {
  values: Values;
  origins: Readonly<Record<KeyName, Origin>>;
}

const MAX_SECRET_FILE_BYTES = 64 * 1024;

/** Throws BAD_CONFIG with file and line, or with the variable. */
export function resolveValues(file: FileSettings | undefined, env: NodeJS.ProcessEnv, flags: Flags): Resolved {
  const values: Record<string, unknown> = {};
  const origins = {} as Record<KeyName, Origin>;
  const late: [KeyName, NonNullable<Declaration["default"]>][] = [];
  for (const key of KEY_NAMES) {
    const declaration = DECLARATIONS[key];
    const given = fromFlag(key, declaration, flags) ?? fromFile(key, declaration, file) ?? fromEnvironment(declaration, env);
    origins[key] = given?.origin ?? { source: "default" };
    if (given) values[key] = given.value;
    else if (declaration.default !== undefined) late.push([key, declaration.default]);
  }
  // A default may depend on other values: those that depend on nothing come first.
  for (const [key, value] of late) if (typeof value !== "function") values[key] = value;
  for (const [key, value] of late) if (typeof value === "function") values[key] = value({ file: file !== undefined, values });
  return { values: values as unknown as Values, origins };
}

type Given = { value: unknown; origin: Origin } | undefined;

function fromFlag(key: KeyName, { flag }: Declaration, flags: Flags): Given {
  const value = flags[key];
  return value === undefined ? undefined : { value, origin: { source: "flag", place: `--${flag}` } };
}

function fromFile(key: KeyName, declaration: Declaration, file: FileSettings | undefined): Given {
  const written = (file?.written[key] ?? []).filter(({ text }) => text !== "");
  const last = written.at(-1);
  if (!file || !last) return undefined;
  const used = isList(declaration.kind) ? written : [last];
  const dir = dirname(file.path);
  const read = used.flatMap(({ text, place }) => parts(declaration, text).map((part) => readAt(place, declaration, part, dir)));
  return { value: isList(declaration.kind) ? read : read[0], origin: { source: "file", place: used[0]?.place ?? last.place } };
}

function fromEnvironment(declaration: Declaration, env: NodeJS.ProcessEnv): Given {
  for (const name of variablesOf(declaration)) {
    const place = env[name] ? name : `${name}_FILE`;
    const said = env[place];
    if (!said) continue;
    if (env[name] && env[`${name}_FILE`]) throw at(name, `it is set, and so is ${name}_FILE. Unset one of them.`);
    const text = place === name ? said : firstLine(place, said);
    const read = parts(declaration, text).map((part) => readAt(place, declaration, part, process.cwd()));
    return { value: isList(declaration.kind) ? read : read[0], origin: { source: "environment", place } };
  }
  return undefined;
}

/** A list may also stand on one line. */
function parts({ kind }: Declaration, text: string): string[] {
  if (!isList(kind)) return [text];
  return text.split(",").map((part) => part.trim());
}

/** One value that was written at `place`. Throws BAD_CONFIG. */
export function readAt(place: string, declaration: Declaration, text: string, dir: string): unknown {
  try {
    return readValue(declaration, text, dir);
  } catch (error) {
    throw at(place, `${declaration.name} ${(error as Error).message}.`, error);
  }
}

/** One value from its text. Throws an Error that goes on after the setting's name. */
export function readValue(declaration: Declaration, text: string, dir: string): unknown {
  return KINDS[declaration.kind](text, { ...declaration, dir });
}

/** The text of a file that holds nothing but a value, without its last line end. Throws BAD_CONFIG. */
export function firstLine(place: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw at(place, `the file ${file} can't be read: ${(cause as Error).message}.`, cause);
  }
  if (text !== "" && text.length <= MAX_SECRET_FILE_BYTES) return text;
  throw new FrontsyncError("BAD_CONFIG", `${place}: the file ${file} must hold a value, and nothing else.`);
}

/** Earlier lines that a later one takes the place of. */
export function overruled(file: FileSettings | undefined): { key: KeyName; line: Written; by: Written }[] {
  return KEY_NAMES.flatMap((key) => {
    const written = (file?.written[key] ?? []).filter(({ text }) => text !== "");
    const by = written.at(-1);
    if (!by || isList(DECLARATIONS[key].kind)) return [];
    return written.slice(0, -1).map((line) => ({ key, line, by }));
  });
}
