/** The kinds of values that a setting can have: how each is read from text, and what is said when it can't be. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { checkControlAuth, parseAddress } from "../../../bus/wire/address.ts";
import { WEBSERVER_ID } from "../../../bus/wire/subjects.ts";

/** What reading a value may depend on. */
export interface Reading {
  /** The folder that relative paths start from: the file's own. */
  dir: string;
  min?: number;
  max?: number;
  choices?: readonly string[];
}

/** Reads a text, or throws an Error that says what is wanted instead. */
type Reader<T> = (text: string, reading: Reading) => T;

const YES = ["true", "yes", "on", "1"];
const NO = ["false", "no", "off", "0"];
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const MAX_TEXT = 4096;

/** Throws the sentence that follows the setting's name in the message. */
function refuse(what: string): never {
  throw new Error(what);
}

function numeric(pattern: RegExp, what: string): Reader<number> {
  return (text, { min = 0, max = Number.MAX_SAFE_INTEGER }) => {
    const number = pattern.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : refuse(`must be ${what} from ${min} to ${max}, not ${shown(text)}`);
  };
}

function host(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) || HOST.test(bare)) return bare;
  return refuse(`must be an address to listen on, like 0.0.0.0, 10.0.0.5 or ::, not ${shown(text)}`);
}

/** host:port with what the port would be when it is left out. */
function address(text: string): string {
  try {
    return parseAddress(text);
  } catch {
    return refuse(`must be host, host:port or [IPv6]:port, not ${shown(text)}`);
  }
}

/** How other webservers reach one: what stands between https:// and a path. */
function externalAddress(text: string): string {
  const found = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[1] ?? 443);
  if (found && text.length <= 512 && port >= 1 && port <= 65_535) return text;
  return refuse(`must be host or host:port, not ${shown(text)}`);
}

/** One machine, or a network of them. */
function network(text: string): string {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  return family > 0 && fits && more.length === 0
    ? text
    : refuse(`must be an address or a network like 10.0.0.0/8, not ${shown(text)}`);
}

/** Where something of its own is listened on: the port must be there, 0 for a free one. */
function listenAddress(text: string): string {
  const [, name = "", port] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  if (port !== undefined && Number(port) <= 65535 && (isIP(bare) === 6 ? name !== bare : HOST.test(bare))) return text;
  return refuse(`must be address:port or [IPv6]:port, not ${shown(text)}`);
}

function yesOrNo(text: string): boolean {
  const word = text.toLowerCase();
  if (YES.includes(word)) return true;
  return NO.includes(word) ? false : refuse(`must be true or false (yes, no, on, off, 1, 0), not ${shown(text)}`);
}

function oneOf(text: string, { choices = [] }: Reading): string {
  const word = text.toLowerCase();
  return choices.includes(word) ? word : refuse(`must be one of ${choices.join(", ")}, not ${shown(text)}`);
}

function secret(text: string): string {
  try {
    return checkControlAuth(text);
  } catch {
    return refuse("must be a secret of 1 to 1024 characters");
  }
}

function path(text: string, { dir }: Reading): string {
  if (text.length > MAX_TEXT) refuse(`must be a path of at most ${MAX_TEXT} characters`);
  return resolve(dir, text);
}

function webserverId(text: string): string {
  return WEBSERVER_ID.test(text) ? text : refuse(`must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, not ${shown(text)}`);
}

/** Quoted for a message, and not endless. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** Every kind. One whose reader gives a list takes several values: repeated in a file, with commas in the environment and in flags. */
export const KINDS = {
  integer: numeric(/^\d{1,15}$/, "a whole number"),
  number: numeric(/^\d{1,9}(\.\d{1,6})?$/, "a number"),
  boolean: yesOrNo as Reader<boolean>,
  path: path as Reader<string>,
  secret: secret as Reader<string>,
  choice: oneOf as Reader<string>,
  address: address as Reader<string>,
  host: host as Reader<string>,
  externalAddress: externalAddress as Reader<string>,
  webserverId: webserverId as Reader<string>,
  listenAddress: listenAddress as Reader<string>,
  addresses: address as Reader<string>,
  networks: network as Reader<string>,
  paths: path as Reader<string>,
};

export type Kind = keyof typeof KINDS;

/** What a setting of this kind is in a program. */
export type ValueOf<K extends Kind> = K extends List ? readonly string[] : ReturnType<(typeof KINDS)[K]>;

const LISTS = ["addresses", "networks", "paths"] as const;
type List = (typeof LISTS)[number];

export function isList(kind: Kind): kind is List {
  return LISTS.some((list) => list === kind);
}
