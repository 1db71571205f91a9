/** The only source of randomness: tests fix it. */
import { randomBytes } from "node:crypto";

export const random = {
  /** At least 0, below 1. */
  number: (): number => Math.random(),
  bytes: (length: number): Buffer => randomBytes(length),
};

/** 26 characters of [0-9a-v], 128 bits: an id that nobody else makes. */
export function randomId(): string {
  return toBase32(random.bytes(16));
}

/** `value` moved by up to `share` (0 to 1) of it, either way: keeps many webservers from doing a thing at the same moment. */
export function jittered(value: number, share: number): number {
  return value * (1 + share * (2 * random.number() - 1));
}

export function toBase32(bytes: Uint8Array): string {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`)
    .toString(32)
    .padStart(Math.ceil((bytes.length * 8) / 5), "0");
}
