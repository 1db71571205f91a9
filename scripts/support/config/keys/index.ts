/** Every setting, declared once: from these tables come the file's checks, the commands' flags, the environment variables and
 *  docs/configuration.md. A new setting is a new entry in one of them. */
import type { Kind, ValueOf } from "../kinds.ts";
import { DATASTORE_KEYS } from "./datastore.ts";
import type { Declaration } from "./declaration.ts";
import { WEB_KEYS } from "./web.ts";

export type { Declaration, User } from "./declaration.ts";
export { USERS } from "./declaration.ts";

export const KEYS = { ...DATASTORE_KEYS, ...WEB_KEYS };

export type KeyName = keyof typeof KEYS;

/** Settings without a default may be missing. */
type ValueFor<D> = D extends { kind: infer K extends Kind }
  ? D extends { default: infer V }
    ? V extends (...known: never[]) => infer R
      ? ValueOf<K> | Extract<R, undefined>
      : ValueOf<K>
    : ValueOf<K> | undefined
  : never;

/** All settings, as a program uses them. */
export type Values = { [K in KeyName]: ValueFor<(typeof KEYS)[K]> };

/** The declarations without what TypeScript knows of each. */
export const DECLARATIONS = KEYS as Record<KeyName, Declaration>;

export const KEY_NAMES = Object.keys(KEYS) as KeyName[];

/** The environment variables of a setting, without _FILE. */
export function variablesOf({ name, env }: Declaration): readonly string[] {
  return env ?? [`GRAVWELL_${name.toUpperCase().replaceAll("-", "_")}`];
}
