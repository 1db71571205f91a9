/** An encrypted backup: a first line in clear with the salt, then the backup in chunks. Each chunk is `length (32 bits) | text | tag`, sealed
 *  with AES-256-GCM by a key that scrypt makes of the password; its number and whether it is the last are in its nonce, so that none can be
 *  left out, moved or added. */
import { createCipheriv, createDecipheriv, scrypt } from "node:crypto";
import { random } from "../../../bus/platform/random.ts";
import { damaged, FORMAT, MAX_LINE_BYTES } from "./format.ts";

const CIPHER = "aes-256-gcm";
/** As OWASP's Password Storage Cheat Sheet has it: 128 MiB for one try. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
const [SALT_BYTES, KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [16, 32, 12, 16];

export interface Encryption {
  /** The file's first line. */
  readonly firstLine: Buffer;
  /** The next chunk of the file; nothing follows the last one. */
  seal(text: Uint8Array, last: boolean): Buffer;
}

/** The first line of an encrypted backup. */
export interface EncryptedHeader {
  frontsync: "encrypted backup";
  format: number;
  cipher: "scrypt+aes-256-gcm";
  salt: string;
}

export async function startEncryption(password: string): Promise<Encryption> {
  const salt = random.bytes(SALT_BYTES);
  const header: EncryptedHeader = {
    frontsync: "encrypted backup",
    format: FORMAT,
    cipher: "scrypt+aes-256-gcm",
    salt: salt.toString("base64url"),
  };
  const key = await keyOf(password, salt);
  let number = 0;
  return {
    firstLine: Buffer.from(`${JSON.stringify(header)}\n`),
    seal(text, last) {
      const cipher = createCipheriv(CIPHER, key, nonce(number++, last));
      const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(sealed.length);
      return Buffer.concat([length, sealed, cipher.getAuthTag()]);
    },
  };
}

/** The backup in the chunks that follow the first line. Throws BACKUP_DAMAGED, also for another password: nobody can tell which it is. */
export async function* decrypted(
  file: string,
  { salt }: EncryptedHeader,
  chunks: AsyncIterable<Buffer>,
  password: string,
): AsyncGenerator<Buffer, void> {
  const key = await keyOf(password, Buffer.from(String(salt), "base64url"));
  let waiting: Buffer = Buffer.alloc(0);
  let number = 0;
  const next = (atEnd: boolean) => {
    if (waiting.length < 4) return undefined;
    const length = waiting.readUInt32BE();
    if (length > MAX_LINE_BYTES * 2) throw damaged(file, "a chunk of it is too long");
    const end = 4 + length + TAG_BYTES;
    // Whether it is the last one is known when more follows, or nothing does.
    if (waiting.length < end || (waiting.length === end && !atEnd)) return undefined;
    const last = waiting.length === end;
    const decipher = createDecipheriv(CIPHER, key, nonce(number++, last), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(waiting.subarray(end - TAG_BYTES, end));
    try {
      const text = Buffer.concat([decipher.update(waiting.subarray(4, end - TAG_BYTES)), decipher.final()]);
      waiting = waiting.subarray(end);
      return text;
    } catch (cause) {
      throw damaged(file, number === 1 ? "the password is another one, or the file was changed" : "it was cut or changed", cause);
    }
  };
  for await (const chunk of chunks) {
    waiting = Buffer.concat([waiting, chunk]);
    for (let text = next(false); text; text = next(false)) yield text;
  }
  const text = next(true);
  if (text) yield text;
  if (!text || waiting.length > 0) throw damaged(file, "its end is missing");
}

function nonce(number: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(NONCE_BYTES);
  bytes.writeUInt8(last ? 1 : 0);
  bytes.writeUInt32BE(number, NONCE_BYTES - 4);
  return bytes;
}

function keyOf(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, KEY_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
