/** What is declared of a setting. */
import type { Kind } from "../kinds.ts";

/** Who uses a setting. client: every command that asks a datastore something, like `status` and `backup`. */
export const USERS = ["datastore", "webserver", "loadbalancer", "client"] as const;
export type User = (typeof USERS)[number];

/** What is known when a default that depends on something is asked for. */
export interface Known {
  /** Whether there is a file. */
  file: boolean;
  values: Readonly<Record<string, unknown>>;
}

export interface Declaration {
  /** In the file, in [Global]; upper and lower case are the same. */
  name: string;
  /** Other names that the product has for it. */
  aliases?: readonly string[];
  kind: Kind;
  usedBy: readonly User[];
  about: string;
  /** undefined: there is none. A function: it depends; then `defaultText` says on what. */
  default?: string | number | boolean | readonly string[] | ((known: Known) => string | number | readonly string[] | undefined);
  defaultText?: string;
  unit?: string;
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** Without --; a secret's flag names a file that holds it. */
  flag: string;
  /** Environment variables, the first that is set counts; each also with _FILE. Default: GRAVWELL_ and the name. */
  env?: readonly string[];
  /** Never shown. */
  secret?: true;
  /** SIGHUP reads it again. */
  reloads?: true;
  /** Not a setting of the product's, but our own. */
  own?: true;
}
