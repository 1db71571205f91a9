/** The flags of a command, from the declarations of the settings. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { loadConfig, type Settings } from "./index.ts";
import { DECLARATIONS, type Declaration, KEY_NAMES, type KeyName, type User, variablesOf } from "./keys/index.ts";
import { isList } from "./kinds.ts";
import { type Flags, firstLine, readAt, readValue } from "./resolve.ts";

/** What commander gives an action: the flags by their names in camel case. */
export type GivenFlags = Readonly<Record<string, unknown>>;

/** Adds --config and a flag for each setting of this user but those of `without`. */
export function withConfig(command: Command, user: User, without: readonly KeyName[] = []): Command {
  command.addOption(new Option("--config <file>", "the configuration file (gravwell.conf); flags count before it"));
  for (const key of keysOf(user)) if (!without.includes(key)) command.addOption(optionOf(DECLARATIONS[key]));
  return command;
}

/** The settings that a command's flags, its --config and the environment give. Throws BAD_CONFIG. */
export function configOf(given: GivenFlags, user: User): Settings {
  return loadConfig({ file: given.config as string | undefined, flags: flagsOf(given, user), user });
}

/** The settings among a command's flags. Throws BAD_CONFIG when the file of a secret can't be read. */
export function flagsOf(given: GivenFlags, user: User): Flags {
  const flags: Record<string, unknown> = {};
  for (const key of keysOf(user)) {
    const declaration = DECLARATIONS[key];
    const place = `--${declaration.flag}`;
    const value = given[camelCase(declaration.flag)];
    if (value === undefined) continue;
    flags[key] = declaration.secret ? readAt(place, declaration, firstLine(place, value as string), process.cwd()) : value;
  }
  return flags;
}

function keysOf(user: User): KeyName[] {
  return KEY_NAMES.filter((key) => DECLARATIONS[key].usedBy.includes(user));
}

function optionOf(declaration: Declaration): Option {
  const { flag, kind, secret, choices } = declaration;
  const about = describe(declaration);
  if (kind === "boolean") return new Option(`--${flag}`, about);
  if (secret) return new Option(`--${flag} <file>`, `a file that holds ${declaration.name}, and nothing else`);
  const argument = choices ? choices.join("|") : ARGUMENTS[kind];
  return new Option(`--${flag} <${argument}>`, about).argParser((text, before: unknown) => parse(declaration, text, before));
}

const ARGUMENTS: Readonly<Record<string, string>> = {
  integer: "n",
  number: "n",
  path: "path",
  paths: "folder",
  address: "host:port",
  addresses: "host[:port]",
  listenAddress: "host:port",
  networks: "address",
  host: "address",
  externalAddress: "host[:port]",
  webserverId: "id",
};

/** A list grows with each time that its flag is given, and by commas. */
function parse(declaration: Declaration, text: string, before: unknown): unknown {
  try {
    if (!isList(declaration.kind)) return readValue(declaration, text, process.cwd());
    const read = text.split(",").map((part) => readValue(declaration, part.trim(), process.cwd()));
    return [...((before as unknown[] | undefined) ?? []), ...read];
  } catch (error) {
    throw new InvalidArgumentError(`It ${(error as Error).message}.`);
  }
}

function describe(declaration: Declaration): string {
  const about = declaration.about.replace(/\.$/, "");
  const standard = defaultTextOf(declaration);
  return standard === undefined ? about : `${about} (default: ${standard})`;
}

/** The default as text; undefined: there is none. */
export function defaultTextOf({ default: value, defaultText, unit, kind }: Declaration): string | undefined {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined || kind === "boolean" || (Array.isArray(value) && value.length === 0)) return undefined;
  return unit === undefined ? String(value) : `${value} ${unit}`;
}

/** As commander names what belongs to a flag. */
function camelCase(flag: string): string {
  return flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The environment variables that `--help` names. */
export function secretsHelp(): string {
  const names = KEY_NAMES.filter((key) => DECLARATIONS[key].secret).flatMap((key) => variablesOf(DECLARATIONS[key]));
  return `\nThe environment variable ${names.join(" or ")} holds the shared secret where no file is given.`;
}
