/** What a gravwell.conf says: each line under the setting that it is for. What is unknown is refused with its line. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { at } from "./fault.ts";
import { DECLARATIONS, KEY_NAMES, type KeyName } from "./keys/index.ts";
import { nearest } from "./nearest.ts";
import { isOverride, type Override, readOverride } from "./overrides.ts";
import { INSTEAD, OTHERS, SECTIONS } from "./product-keys.ts";
import { type Block, type Entry, parseSyntax } from "./syntax.ts";

/** A setting as it stands in the file. */
export interface Written {
  text: string;
  /** file:line */
  place: string;
}

export interface Unused {
  name: string;
  place: string;
  /** What stands for it here. */
  instead?: string;
}

export interface FileSettings {
  /** Absolute. */
  path: string;
  written: { readonly [K in KeyName]?: Written[] };
  overrides: Override[];
  unused: Unused[];
}

const GLOBAL = "global";
const BY_NAME = new Map(
  KEY_NAMES.flatMap((key) => {
    const { name, aliases = [] } = DECLARATIONS[key];
    return [name, ...aliases].map((one) => [one.toLowerCase(), key] as const);
  }),
);
const UNUSED = new Map([...Object.keys(INSTEAD), ...OTHERS].map((name) => [name.toLowerCase(), name]));
const OTHER_SECTIONS = new Set(SECTIONS.map((name) => name.toLowerCase()));

/** Throws BAD_CONFIG with file and line. */
export function readConfigFile(file: string): FileSettings {
  const path = resolve(file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw at(file, `the configuration file can't be read: ${(cause as Error).message}.`, cause);
  }
  return understand(text, file);
}

/** The same of a text. */
export function understand(text: string, file: string): FileSettings {
  const written: { [K in KeyName]?: Written[] } = {};
  const settings: FileSettings = { path: resolve(file), written, overrides: [], unused: [] };
  for (const block of parseSyntax(text, file)) {
    const section = block.section.toLowerCase();
    if (section === GLOBAL) readGlobal(block, file, settings, written);
    else if (isOverride(section)) settings.overrides.push(readOverride(block, file, settings.overrides));
    else if (OTHER_SECTIONS.has(section)) settings.unused.push({ name: `[${block.section}]`, place: `${file}:${block.line}` });
    else
      throw at(
        `${file}:${block.line}`,
        `there is no section "${block.section}"${nearest(block.section, ["Global", "Override", ...SECTIONS])}.`,
      );
  }
  return settings;
}

function readGlobal(
  { title, line, entries }: Block,
  file: string,
  settings: FileSettings,
  written: { [K in KeyName]?: Written[] },
) {
  if (title !== undefined) throw at(`${file}:${line}`, `[Global] has no name: leave out "${title}".`);
  for (const entry of entries) {
    const place = `${file}:${entry.line}`;
    const name = entry.name.toLowerCase();
    const key = BY_NAME.get(name);
    const unused = UNUSED.get(name);
    if (key !== undefined)
      written[key] = [...(written[key] ?? []), { text: textOf(entry, DECLARATIONS[key].kind, place), place }];
    else if (unused !== undefined)
      settings.unused.push({ name: unused, place, ...(INSTEAD[unused] && { instead: INSTEAD[unused] }) });
    else throw at(place, `there is no setting "${entry.name}"${nearest(entry.name, allNames())}.`);
  }
}

/** A name alone says yes, which is an answer to yes-or-no settings only. */
function textOf({ name, value }: Entry, kind: string, place: string): string {
  if (value !== undefined) return value;
  if (kind === "boolean") return "true";
  throw at(place, `"${name}" needs a value: ${name} = …`);
}

function allNames(): string[] {
  return [...KEY_NAMES.flatMap((key) => [DECLARATIONS[key].name, ...(DECLARATIONS[key].aliases ?? [])]), ...UNUSED.values()];
}
