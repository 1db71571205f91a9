/** What `frontsync config check` prints. */
import { alignedRows } from "../numbers.ts";
import type { Output } from "../output.ts";
import { dangers } from "./exposure.ts";
import { readConfig, type Settings, type Understood } from "./index.ts";
import { DECLARATIONS, KEY_NAMES, type KeyName, type User } from "./keys/index.ts";
import { type Origin, overruled } from "./resolve.ts";
import { mustStart } from "./starts.ts";

/** What a secret is shown as. */
const MASK = "********";

interface Shown extends Origin {
  value: unknown;
}

/** Throws BAD_CONFIG: with file and line, or when the command of --for would not start with it. */
export function checkConfig(file: string | undefined, user: User | undefined, output: Output): void {
  const understood = readConfig({ file, ...(user && { user }) });
  const keys = KEY_NAMES.filter((key) => user === undefined || DECLARATIONS[key].usedBy.includes(user));
  const settings = Object.fromEntries(keys.map((key) => [DECLARATIONS[key].name, shownOf(key, understood)]));
  const unused = understood.file?.unused ?? [];
  const notes = notesOf(understood, user);
  const { overrides } = understood.settings;
  const fault = user === undefined ? undefined : refusal(user, understood.settings);
  output.figures({ ok: fault === undefined, file: understood.file?.path ?? null, settings, overrides, unused, notes });

  const rows = Object.entries(settings).map(([name, shown]) => [name, textOf(shown.value), originOf(shown)]);
  for (const row of alignedRows(rows)) output.line(row);
  for (const { name, webserver, place } of overrides) output.line(`[Override "${name}"]  ${webserver}  ${place}`);
  if (unused.length > 0) output.line("\nFor other programs, and not used here:");
  for (const { name, place, instead } of unused)
    output.line(`  ${name}  ${place}${instead === undefined ? "" : `  (${instead})`}`);
  if (notes.length > 0) output.line();
  for (const note of notes) output.line(`${output.paint("yellow", "note")} ${note}`);
  if (fault !== undefined) throw fault;
}

/** Why this command would not start. */
function refusal(user: User, settings: Settings): unknown {
  try {
    mustStart(user, settings);
    return undefined;
  } catch (error) {
    return error;
  }
}

function shownOf(key: KeyName, { values, origins }: Understood): Shown {
  const { secret } = DECLARATIONS[key];
  const value = values[key];
  return { value: secret && value !== undefined ? MASK : (value ?? null), ...origins[key] };
}

function notesOf({ file, settings }: Understood, user: User | undefined): string[] {
  const repeated = overruled(file).map(
    ({ key, line, by }) => `${DECLARATIONS[key].name} at ${line.place} does not count: ${by.place} comes after it.`,
  );
  return [...repeated, ...(user === undefined ? dangers(settings) : [])];
}

function textOf(value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return "–";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function originOf({ source, place }: Origin): string {
  return place ?? source;
}
