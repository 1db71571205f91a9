/** `[Override "name"]`: a webserver that the load balancer knows without asking a datastore. */
import { at } from "./fault.ts";
import { KINDS, type Kind } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { Block } from "./syntax.ts";

export interface Override {
  name: string;
  /** host or host:port. */
  webserver: string;
  insecureDisableHttps: boolean;
  insecureSkipTlsVerify: boolean;
  /** file:line */
  place: string;
}

/** The settings of such a section. */
export const OVERRIDE_KEYS = {
  webserver: { name: "Webserver", kind: "externalAddress", about: "Where this webserver is: host or host:port." },
  insecureDisableHttps: { name: "Insecure-Disable-HTTPS", kind: "boolean", about: "Speak with it without TLS." },
  insecureSkipTlsVerify: { name: "Insecure-Skip-TLS-Verify", kind: "boolean", about: "Take any certificate for its own." },
} as const satisfies Record<string, { name: string; kind: Kind; about: string }>;

const NAMES = Object.entries(OVERRIDE_KEYS);

/** The product's documentation writes it both ways. */
export function isOverride(section: string): boolean {
  return section === "override" || section === "overrides";
}

/** Throws BAD_CONFIG with file and line. */
export function readOverride({ section, title, line, entries }: Block, file: string, before: readonly Override[]): Override {
  const place = `${file}:${line}`;
  if (!title) throw at(place, `[${section}] needs a name: [${section} "web1"].`);
  if (before.some(({ name }) => name === title)) throw at(place, `there is another [${section} "${title}"] above.`);
  const read: Partial<Record<keyof typeof OVERRIDE_KEYS, unknown>> = {};
  for (const { name, value, line: at_ } of entries) {
    const found = NAMES.find(([, declared]) => declared.name.toLowerCase() === name.toLowerCase());
    const here = `${file}:${at_}`;
    if (!found)
      throw at(
        here,
        `there is no setting "${name}" in [${section}]${nearest(
          name,
          NAMES.map(([, declared]) => declared.name),
        )}.`,
      );
    const [key, { kind, name: proper }] = found;
    try {
      read[key as keyof typeof OVERRIDE_KEYS] = KINDS[kind](value ?? (kind === "boolean" ? "true" : ""), { dir: "/" });
    } catch (cause) {
      throw at(here, `${proper} ${(cause as Error).message}.`, cause);
    }
  }
  if (read.webserver === undefined) throw at(place, `[${section} "${title}"] needs Webserver = host:port.`);
  const { webserver, insecureDisableHttps = false, insecureSkipTlsVerify = false } = read as Partial<Override>;
  return { name: title, webserver: webserver as string, insecureDisableHttps, insecureSkipTlsVerify, place };
}
