import type { StoredVersion } from "../bus/wire/version.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import { RESOURCES } from "../schemas/resource.ts";
import type { OfferReply, OfferRequest, RefusedVersion, RenamedUser, Resource, Seeding } from "../schemas/types.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { hasOffered } from "./seed/closing.ts";
import { asRestored, nameOf, offeredVersions } from "./seed/offers.ts";
import { withRenamed } from "./seed/record.ts";

/** A page of what a webserver has. Of each document the later version stays, so the same page again, or the pages of others before or after it,
 *  give the same. */
export default defineFunction({
  name: "offer",
  scope: "all",
  framed: true,
  description: "Takes a page of versions that a webserver offers to a store that lacks them; the records follow as bytes.",
  reply: "offer.reply",
  errors: ["GENERATION_CHANGED", "RESTORING"],
  async handle(request, caller, context): Promise<OfferReply> {
    const { epochs, presence, restoring } = context;
    await epochs.ready();
    await restoring.check();
    const record = await openFor(request, context);
    if (request.refused !== undefined) {
      if (request.refused === 0) await hasOffered(record.id, caller.webserver, context);
      return { stored: 0, refused: [], wanted: [], epochs: epochs.list };
    }
    const versions = offeredVersions(caller.bytes);
    const taken = await Promise.all(versions.map((version) => take(version, record, caller, context)));
    presence.offered(caller.webserver, request.offered + versions.length);
    const renamed = taken.flatMap((each) => each.renamed ?? []);
    if (renamed.length > 0) await context.seeding.change((now) => now && withRenamed(now, renamed));
    return {
      stored: taken.filter(({ stored }) => stored).length,
      refused: taken.flatMap(({ refused }) => refused ?? []),
      wanted: [...new Set(taken.flatMap(({ wanted }) => wanted ?? []))],
    };
  },
});

/** Throws GENERATION_CHANGED when it is not for these. */
async function openFor({ seed, generation }: OfferRequest, { seeding }: Context): Promise<Seeding> {
  for (const certain of [false, true]) {
    const record = await seeding.record({ certain });
    if (record?.id === seed && record.word !== "replace" && record.from.includes(generation)) return record;
  }
  throw new FrontsyncError("GENERATION_CHANGED", "Something else is to become of the store by now: begin anew.");
}

interface Taken {
  stored: boolean;
  refused?: RefusedVersion;
  renamed?: RenamedUser;
  wanted?: string;
}

async function take(version: StoredVersion, { word }: Seeding, { deadline }: Caller, context: Context): Promise<Taken> {
  const { schemas, seeding, committer, contents } = context;
  const { collection, id } = nameOf(version);
  try {
    const given = asRestored(schemas, version, word === "signed" ? (each) => seeding.isSigned(each) : undefined);
    const how = { dryRun: false, withoutSecrets: false, deadline };
    const { outcome, doc } = await committer.bringBack(schemas.collection(collection), given, how);
    const renamed = collection === "users" && doc !== undefined && doc.user !== given.doc?.user;
    const sha256 = collection === RESOURCES ? (given.doc as Partial<Resource> | undefined)?.sha256 : undefined;
    const content = sha256 === undefined ? undefined : await contents.record(sha256);
    return {
      stored: outcome !== "left",
      ...(renamed && { renamed: { uid: id, user: String(given.doc?.user), storedAs: String(doc.user) } }),
      ...(sha256 !== undefined && (!content || content.deleted) && { wanted: sha256 }),
    };
  } catch (thrown) {
    const error = asFrontsyncError(thrown);
    // What may be over in a moment is the whole page's fault: it is asked again.
    if (thrown instanceof FrontsyncError && error.retryable) throw error;
    return { stored: false, refused: { collection, id, code: error.code, message: error.message } };
  }
}
