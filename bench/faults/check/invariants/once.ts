/** 2: one effect per mutation id. A mark comes into one document, once: what was taken away again and is back was applied twice. */
import type { Version } from "../history.ts";
import type { Model } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

export function once(model: Model): Violation[] {
  return [...twiceMarked(model), ...twiceStored(model)];
}

function twiceMarked(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const [mark, versions] of model.marked) {
    const subjects = [...new Set(versions.filter(isDocument).map(({ subject }) => subject))];
    const comings = subjects.flatMap((subject) => comingsOf(model, mark, model.log.get(subject) ?? []));
    const second = comings[1];
    if (!second) continue;
    const revisions = comings.map(({ revision }) => revision).join(" and ");
    found.push(violation(2, `${mark} was applied as ${revisions}`, second.collection, second.id));
  }
  return found;
}

/** The versions in which a mark is, and was not in the one before. What was brought into a new store had come before; what was given up with its
 *  store, or has lost its place there to somebody else, may come again, from whoever was never answered. */
function comingsOf(model: Model, mark: string, versions: readonly Version[]): Version[] {
  const { stores } = model;
  return versions.filter((version, index) => {
    const { store = 0 } = version;
    if (!version.marks.includes(mark) || stores.isGivenUp(store) || hasLostItsPlace(model, mark, version, versions)) return false;
    if (model.isFromBefore(version) && !stores.isGivenUp(store - 1)) return false;
    const before = versions[index - 1];
    return !(before?.store === version.store && before?.marks.includes(mark));
  });
}

/** Ids that the datastore gives are given anew in a store that has lost them. */
function hasLostItsPlace(model: Model, mark: string, { store = 0 }: Version, versions: readonly Version[]): boolean {
  const later = versions.filter((version) => (version.store ?? 0) > store);
  return later.some((version) => !model.isFromBefore(version)) && !later.some(({ marks }) => marks.includes(mark));
}

function twiceStored(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const versions of model.log.values()) {
    const seen = new Map<string, number>();
    for (const { mutation, revision, store = 0, collection, id } of versions) {
      const before = seen.get(`${store} ${mutation}`);
      if (mutation !== "" && before !== undefined)
        found.push(violation(2, `mutation ${mutation} is stored as ${before} and ${revision}`, collection, id));
      seen.set(`${store} ${mutation}`, revision);
    }
  }
  return found;
}

/** What lost a conflict is kept beside its document. */
function isDocument({ collection }: Version): boolean {
  return collection !== "conflicts";
}
