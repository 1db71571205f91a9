/** The versions that the datastore keeps of a document: the one read that the replica can't answer, since it holds the last ones only. */
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema, Schemas } from "../schemas/index.ts";
import type { Change, State, Wait } from "./api.ts";
import type { Link } from "./link.ts";
import { askNewer, type NewerParts } from "./newer.ts";
import { clock } from "./platform/clock.ts";
import { DEFAULT_TIMEOUT_MS, within } from "./platform/deadline.ts";
import { asChange, rowOf } from "./replica/row.ts";
import { decodePage, decodeRecords } from "./wire/page.ts";

export interface VersionsSource extends NewerParts {
  link: Link;
  schemas: Schemas;
  state(): State;
  closed(): boolean;
}

/** Newest first. Throws NOT_FOUND; DATASTORE_UNREACHABLE without contact, HELD when the datastore is another one, UNKNOWN_CALL when it is
 *  too old to have the function; TIMEOUT, CLOSED. */
export async function readVersions(
  source: VersionsSource,
  schema: CollectionSchema,
  id: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Wait = {},
): Promise<Change<Doc>[]> {
  if (source.closed()) throw new FrontsyncError("CLOSED", "The bus is closed.");
  checkState(source);
  const what = `Reading the versions of '${id.slice(0, 80)}' in ${schema.collection}`;
  try {
    return await within(readPages(source, schema, id, timeoutMs), what, { timeoutMs, ...(signal && { signal }) });
  } catch (error) {
    // The connection goes first when the bus is closed.
    throw source.closed() && error instanceof FrontsyncError
      ? new FrontsyncError("CLOSED", "The bus was closed.", { cause: error })
      : error;
  }
}

/** As the datastore says it. */
export function noVersions({ collection }: CollectionSchema, id: string): FrontsyncError {
  return new FrontsyncError("NOT_FOUND", `${collection} never had a document '${id.slice(0, 80)}'.`);
}

function checkState({ state }: VersionsSource): void {
  if (state() === "degraded")
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      "There is no contact with the datastore, which keeps the versions. Try again when status().state is synced.",
    );
  if (state() === "held")
    throw new FrontsyncError(
      "HELD",
      "The datastore is not the one that this webserver's data are of: its versions are not theirs. See status().warnings.",
    );
}

async function readPages(
  source: VersionsSource,
  schema: CollectionSchema,
  id: string,
  timeoutMs: number,
): Promise<Change<Doc>[]> {
  const end = clock.monotonic() + timeoutMs;
  const versions: Change<Doc>[] = [];
  for (let done = false; !done; ) {
    const after = versions.at(-1)?.revision;
    const request = { id, ...(after !== undefined && { after }) };
    const ask = () => source.link.ask("versions", schema.collection, request, Math.max(1, end - clock.monotonic()));
    const page = decodePage(source.schemas, await askNewer(source, "give versions", ask), "versions.reply");
    for (const version of decodeRecords(page.records)) versions.push(asChange(schema, rowOf(version)));
    // A page without records is the last one, too: asking after the same revision again would give the same.
    done = page.head.done || versions.at(-1)?.revision === after;
  }
  return versions.reverse();
}
