/** A message that is JSON with bytes behind it: the length of the JSON (32 bits, big-endian), the JSON, the bytes. */
import { FrontsyncError } from "../../schemas/errors.ts";

export function encodeFrame(head: object | string, ...parts: readonly Uint8Array[]): Uint8Array {
  const json = Buffer.from(typeof head === "string" ? head : JSON.stringify(head));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, ...parts]);
}

/** The two parts, as views of the message. Throws BAD_MESSAGE when it is no frame. */
export function decodeFrame(message: Uint8Array): { head: Uint8Array; bytes: Uint8Array } {
  const length = message.length < 4 ? -1 : new DataView(message.buffer, message.byteOffset, 4).getUint32(0);
  if (length < 0 || length > message.length - 4)
    throw new FrontsyncError("BAD_MESSAGE", "A message with bytes is cut short, or is none.", { path: "" });
  return { head: message.subarray(4, 4 + length), bytes: message.subarray(4 + length) };
}
