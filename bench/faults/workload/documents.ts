/** The documents that a round works on, and what is written to them. Each write has its mark in it. */
import type { Asked, Role } from "../check/history.ts";
import type { Dice } from "../dice.ts";

/** Shareable documents: `id` and `name` are what they need. */
const SHAREABLE = ["dashboards", "macros", "playbooks", "queries", "templates"];
const PREFERENCES = "preferences";
/** Those that can't wait for a datastore. Their ids come from it. */
const DIRECTORY = ["groups", "users"];
const OFFLINE = [...SHAREABLE, PREFERENCES];
const LOGS_EACH = 2;
const CHURNED = ["dashboards", "playbooks", PREFERENCES];
const CHURN_EACH = 2;
/** Of the search histories: few entries each, so that none falls out. */
const FIRST_HISTORY_UID = 100;
const HISTORIES = 20;
const PADDING = 400;

export interface Place {
  collection: string;
  id: string;
}

/** Makes one of the documents that only grow. */
export function makeLog(collection: string, n: number, mark: string): Extract<Asked, { kind: "put" }> {
  const own: Record<string, object> = {
    [PREFERENCES]: { uid: 1, name: `log${n}` },
    users: { user: `log${n}.${mark}`, name: "Log" },
    groups: { name: `log${n}` },
  };
  return {
    kind: "put",
    collection,
    doc: { ...(own[collection] ?? { id: `log${n}`, name: `log ${n}` }), marks: { [mark]: 1 } },
    mark,
    role: "log",
  };
}

/** The collections of such documents, each as often as there are of it. */
export function logCollections(): string[] {
  return [...OFFLINE, ...DIRECTORY].flatMap((collection) => Array.from({ length: LOGS_EACH }, () => collection));
}

export function patchLog({ collection, id }: Place, mark: string): Extract<Asked, { kind: "patch" }> {
  return { kind: "patch", collection, id, merge: { marks: { [mark]: 1 } }, mark, role: "log" };
}

export function isOffline({ collection }: Place): boolean {
  return OFFLINE.includes(collection);
}

/** One of the documents that are put, patched and deleted by everybody. */
export function churnPlace(dice: Dice): Place {
  const collection = dice.pick(CHURNED);
  const n = dice.whole(0, CHURN_EACH);
  return { collection, id: collection === PREFERENCES ? `2/churn${n}` : `churn${n}` };
}

export function churn(dice: Dice, { collection, id }: Place, mark: string): Asked {
  const choice = dice.number(0, 1);
  if (choice < 0.2) return { kind: "delete", collection, id, role: "churn" };
  if (choice < 0.6) return { kind: "patch", collection, id, merge: { hot: mark }, mark, role: "churn" };
  const key = collection === PREFERENCES ? { uid: 2, name: id.split("/")[1] } : { id, name: id };
  return {
    kind: "put",
    collection,
    id,
    doc: { ...key, hot: mark, padding: "x".repeat(dice.whole(0, PADDING)) },
    mark,
    role: "churn",
  };
}

/** A document that is made and left alone; of some the datastore gives the id, so that one which is made twice is there twice. */
export function lasting(dice: Dice, mark: string): Extract<Asked, { kind: "put" }> {
  const collection = dice.pick([...SHAREABLE, "searches", "searches", "searches", "groups", "users"]);
  const docs: Record<string, object> = {
    searches: { uid: FIRST_HISTORY_UID + dice.whole(0, HISTORIES), userQuery: mark },
    groups: { name: mark },
    users: { user: mark },
  };
  return { kind: "put", collection, doc: docs[collection] ?? { name: mark }, mark, role: "lasting" };
}

/** A document that will be deleted. */
export function going(dice: Dice, mark: string): Extract<Asked, { kind: "put" }> & { id: string } {
  const id = `gone-${mark}`;
  return { kind: "put", collection: dice.pick(SHAREABLE), id, doc: { id, name: mark }, mark, role: "gone" as Role };
}
