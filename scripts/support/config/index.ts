/** The settings of a command: from its flags, a gravwell.conf, the environment, and the defaults. */
import { at } from "./fault.ts";
import { type FileSettings, readConfigFile } from "./file.ts";
import type { User, Values } from "./keys/index.ts";
import type { Override } from "./overrides.ts";
import { type Flags, type Resolved, resolveValues } from "./resolve.ts";

/** Every setting, and the load balancer's fixed webservers. */
export interface Settings extends Values {
  overrides: readonly Override[];
}

export interface ConfigSources {
  /** The configuration file; without one, flags, environment and defaults count. */
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
  /** What the command line says (see flags.ts). */
  flags?: Flags;
  /** Who asks: some settings are needed by some. */
  user?: User;
}

/** All that is known of the settings, for `frontsync config check`. */
export interface Understood extends Resolved {
  file: FileSettings | undefined;
  settings: Settings;
}

/** The settings of a command. Throws BAD_CONFIG that names file and line, the variable or the flag. */
export function loadConfig(sources: ConfigSources): Settings {
  return readConfig(sources).settings;
}

/** The same, with where each value comes from. */
export function readConfig({ file: path, env = process.env, flags = {}, user }: ConfigSources): Understood {
  const file = path === undefined ? undefined : readConfigFile(path);
  const resolved = resolveValues(file, env, flags);
  if (user === "webserver") checkWebserver(resolved);
  return { ...resolved, file, settings: { ...resolved.values, overrides: file?.overrides ?? [] } };
}

/** Others could not open the results of a webserver that says not where it is. */
function checkWebserver({ values, origins }: Resolved): void {
  const { source, place } = origins.datastore;
  if (source === "default" || values.externalAddr !== undefined) return;
  throw at(
    place ?? "Datastore",
    "a webserver with a Datastore needs External-Addr: where other webservers reach this one, host:port.",
  );
}
