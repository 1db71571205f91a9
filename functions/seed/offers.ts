/** Takes a page of versions that a webserver offers. */
import { bodyHash } from "../../bus/wire/envelope.ts";
import { decodeRecords } from "../../bus/wire/page.ts";
import { idOf, isHashed, parseStoreSubject, storeSubject } from "../../bus/wire/subjects.ts";
import type { StoredVersion } from "../../bus/wire/version.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { RestoredVersion } from "../../schemas/types.ts";

/** Of one page. */
const MAX_VERSIONS = 200;

/** Throws BAD_MESSAGE. */
export function offeredVersions(bytes: Uint8Array): StoredVersion[] {
  const versions: StoredVersion[] = [];
  for (const version of decodeRecords(bytes)) {
    versions.push(version);
    if (versions.length > MAX_VERSIONS) throw new FrontsyncError("BAD_MESSAGE", `A page has at most ${MAX_VERSIONS} versions.`);
  }
  return versions;
}

/** Of which document it is; throws BAD_MESSAGE. */
export function nameOf({ subject, envelope }: StoredVersion): { collection: string; id: string } {
  const { collection, token } = parseStoreSubject(subject);
  return { collection, id: idOf(token, isHashed(token) ? envelope?.id : undefined) };
}

/** A version as it comes back. `isSigned` undefined: nobody asks who signed it. Throws NOT_ALLOWED for one that is not signed, BAD_MESSAGE for what is no
 *  version of a document. */
export function asRestored(
  schemas: Schemas,
  version: StoredVersion,
  isSigned: ((version: StoredVersion) => boolean) | undefined,
): RestoredVersion {
  const { subject, envelope, body, deleted } = version;
  const { collection, id } = nameOf(version);
  if (!envelope || storeSubject(collection, id) !== subject)
    throw new FrontsyncError("BAD_MESSAGE", "This is no version of a document.");
  if (bodyHash(body) !== envelope.sha256)
    throw new FrontsyncError("BAD_MESSAGE", "Its body is not the one that was stored: it was damaged on the webserver.");
  if (isSigned && !isSigned(version))
    throw new FrontsyncError(
      "NOT_ALLOWED",
      "It was not signed with this datastore's key: only an operator may say that it is taken.",
    );
  const { version: name, at, created, by, webserver, seen, origin, schema } = envelope;
  const facts = { collection, id, version: name, at, created, by, webserver, seen, origin, schema };
  const restored = schemas.read("restored-version", JSON.stringify(facts));
  return deleted ? restored : { ...restored, doc: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown> };
}
