/** An edit in progress meets somebody else's: by the same three-way merge as the datastore's (schemas/merge.ts), field by field. Pure. */
import { type Doc, isObject } from "../../../schemas/document.ts";
import { elementsOf } from "../../../schemas/elements.ts";
import { diff, merge } from "../../../schemas/merge.ts";

/** A field that both sides have changed. undefined: it is not there. What is mine is in the edit itself. */
export interface Clash {
  /** As in schemas/merge.ts. */
  path: string;
  base: unknown;
  theirs: unknown;
}

export interface Rebased {
  /** Theirs, with all of mine on it: also where they clash, until somebody decides. */
  doc: Doc;
  clashes: Clash[];
  /** What they have changed and I have not. */
  adopted: string[];
}

/** Set by the datastore in every version. */
const SET = new Set(["/updatedAt", "/lastModifiedBy", "/createdAt"]);

/** `mine` was made of `base`, which has become `theirs`. */
export function rebase(base: Doc, mine: Doc, theirs: Doc): Rebased {
  const edit = diff(base, mine).filter(({ path }) => !SET.has(path));
  const clashing = [...new Set(merge(theirs, edit).conflicts.map((path) => lifted(base, theirs, mine, path)))];
  const isClashing = (path: string) => clashing.some((clash) => path === clash || path.startsWith(`${clash}/`));
  const free = edit.filter(({ path }) => !isClashing(path));
  let { doc } = merge(theirs, free);
  for (const path of clashing) doc = withValue(doc, path, valueAt(mine, path));
  const mineToo = new Set(edit.map(({ path }) => path));
  const adopted = diff(base, theirs).flatMap(({ path }) =>
    SET.has(path) || isClashing(path) || mineToo.has(path) ? [] : [path],
  );
  const clashes = clashing.map((path) => ({ path, base: valueAt(base, path), theirs: valueAt(theirs, path) }));
  return { doc, clashes, adopted };
}

/** Whether an edit changes anything. */
export const isChanged = (base: Doc, mine: Doc): boolean => diff(base, mine).some(({ path }) => !SET.has(path));

/** Where one side has taken away, or made anew, what the field is in, that is what is to be decided. */
function lifted(base: Doc, theirs: Doc, mine: Doc, path: string): string {
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) {
    if ([base, theirs, mine].some((doc) => !isHolder(valueAt(doc, at)))) path = at;
  }
  return path;
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/"));
const isHolder = (value: unknown) => isObject(value) || Array.isArray(value);

/** undefined: it is not there. */
export function valueAt(doc: unknown, path: string): unknown {
  let value = doc;
  for (const step of path.split("/").slice(1)) {
    if (/^~[^01]/.test(step)) value = elementsOf(value)?.get(step);
    else value = isObject(value) && Object.hasOwn(value, unescaped(step)) ? value[unescaped(step)] : undefined;
  }
  return value;
}

/** undefined takes it away. */
export function withValue(doc: Doc, path: string, next: unknown): Doc {
  const old = valueAt(doc, path);
  return merge(doc, [{ path, ...(old !== undefined && { old }), ...(next !== undefined && { new: next }) }]).doc;
}

const unescaped = (step: string) => step.replaceAll("~1", "/").replaceAll("~0", "~");

/** A path as people read it: panels › “CPU” › title. */
export function named(doc: Doc, path: string): string {
  const steps = path.split("/").slice(1);
  const names = steps.map((step, n) => {
    if (step === "~order") return "order";
    if (!/^~[^01]/.test(step)) return unescaped(step);
    const element = valueAt(doc, `/${steps.slice(0, n + 1).join("/")}`);
    const name = isObject(element) ? (element.title ?? element.name) : undefined;
    return typeof name === "string" && name !== "" ? `“${name}”` : `“${unescaped(step.slice(2))}”`;
  });
  return names.join(" › ");
}
