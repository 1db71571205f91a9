/** One conflict: what lost, beside what is there, field by field. */
import { useState } from "preact/hooks";
import { type Doc, isObject } from "../../../schemas/document.ts";
import { diff } from "../../../schemas/merge.ts";
import type { ConflictCopy, QueuedReply, WrittenReply } from "../../../schemas/types.ts";
import { ask, get, part } from "../api/client.ts";
import type { Choice } from "../edit/edit.ts";
import { type Clash, named, rebase, valueAt, withValue } from "../edit/three-way.ts";
import { kindOf, pathOf } from "../lib/documents.ts";
import { asApiError } from "../lib/errors.ts";
import { counted } from "../lib/text.ts";
import { nameOf, users } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "./button.tsx";
import { One } from "./merge.tsx";
import { Loading, When } from "./page.tsx";
import { toast, toastSaved } from "./toast.tsx";

interface Current {
  doc: Doc;
  revision: number;
  /** What both were made from, when it is still kept. */
  base: Doc | undefined;
}

/** Set by the datastore in each version. */
const SET = new Set(["/updatedAt", "/lastModifiedBy", "/createdAt"]);

export function ConflictCard({ copy, again }: { copy: ConflictCopy; again: () => unknown }) {
  const { id, collection, docId, by, at } = copy;
  const people = useValue(users);
  const { data, error } = useLive(
    id,
    (signal) => readCurrent(copy, signal),
    (change) => change.collection === collection && change.id === docId,
  );
  const gone = error?.code === "NOT_FOUND";
  const settled = async () => {
    await forgetLetters(copy);
    again();
  };
  const discard = async () => {
    await ask("DELETE", `/api/conflicts/${part(id)}`);
    toast("Given up. What is there stays as it is.");
    await settled();
  };
  const losing = copy.losing as Doc | null | undefined;
  const name = String(data?.doc.name ?? losing?.name ?? docId);
  const who = nameOf(by, people);
  const mine = who === "you" ? "Your change" : `The change of ${who}`;
  return (
    <section class="card" aria-label={`Conflict over ${name}`} data-conflict={docId}>
      <header>
        <div>
          <h2>{name}</h2>
          <p class="meta">
            <span>{kindOf(collection)}</span>
            <span>
              {mine}, made <When at={at} />
            </span>
          </p>
        </div>
        <div class="actions">
          <Button onClick={discard}>Give {who === "you" ? "mine" : "it"} up</Button>
        </div>
      </header>
      <div class="card-body stack">
        {!data && !error && <Loading />}
        {isWhole(losing) && data && (
          <Fields
            key={data.revision}
            copy={copy}
            losing={losing}
            current={data}
            again={settled}
            name={nameOf(authorOf(data.doc), people)}
          />
        )}
        {gone && <Again copy={copy} again={settled} />}
        {data && !isWhole(losing) && <Other copy={copy} again={settled} />}
        {error && !gone && <p class="fault">{error.message}</p>}
      </div>
    </section>
  );
}

/** The same write was also refused here, when it came after an outage: that is settled with it. */
async function forgetLetters({ collection, docId }: ConflictCopy): Promise<void> {
  const { items } = await get<{ items: QueuedReply[] }>("/api/deadletters");
  const same = items.filter((one) => one.code === "REVISION_CONFLICT" && one.collection === collection && one.id === docId);
  for (const { mutationId } of same) await ask("DELETE", `/api/deadletters/${part(mutationId)}`);
}

async function readCurrent({ collection, docId, base }: ConflictCopy, signal: AbortSignal): Promise<Current> {
  const path = pathOf(collection, docId);
  const { body: doc, revision = 0 } = await ask<Doc>("GET", path, { signal });
  const before = await ask<{ doc?: Doc }>("GET", `${path}/versions/${base}`, { signal }).catch((thrown: unknown) => {
    if (signal.aborted) throw thrown;
    asApiError(thrown);
    return undefined;
  });
  return { doc, revision, base: before?.body.doc };
}

function Fields({
  copy,
  losing,
  current,
  name,
  again,
}: {
  copy: ConflictCopy;
  losing: Doc;
  current: Current;
  name: string;
  again: () => unknown;
}) {
  const { doc, clashes, merged } = compared(losing, current);
  const [choices, setChoices] = useState<Record<string, Choice>>({});
  const open = clashes.filter(({ path }) => choices[path] === undefined);
  const save = async () => {
    const chosen = clashes.reduce((next, clash) => {
      const values = { mine: valueAt(losing, clash.path), theirs: clash.theirs, base: clash.base };
      return withValue(next, clash.path, values[choices[clash.path] ?? "theirs"]);
    }, doc);
    const { body } = await ask<WrittenReply>("POST", `/api/conflicts/${part(copy.id)}/resolve`, {
      body: { doc: chosen },
      ifRevision: current.revision,
    });
    toastSaved(body.revision, "Merged and saved");
    await again();
  };
  if (clashes.length === 0 && merged.length === 0)
    return <p class="quiet">What is there now is just what was to be saved. It can be given up.</p>;
  return (
    <>
      {merged.length > 0 && (
        <p class="quiet">
          {counted(merged.length, "change")} can be merged without a choice: {merged.map((path) => named(doc, path)).join(", ")}.
        </p>
      )}
      {clashes.map((clash) => (
        <One
          key={clash.path}
          clash={clash}
          mine={losing}
          by={name === "you" ? "What is there" : `${name.charAt(0).toUpperCase()}${name.slice(1)}’s`}
          chosen={choices[clash.path]}
          known={current.base !== undefined}
          onChoose={(choice) => setChoices({ ...choices, [clash.path]: choice })}
        />
      ))}
      <div class="actions">
        <Button look="primary" disabled={open.length > 0} onClick={save}>
          Save what is merged
        </Button>
        {open.length > 0 && <span class="quiet small">Choose which side counts.</span>}
      </div>
    </>
  );
}

/** Without what both were made from, each field that differs is to be decided. */
function compared(losing: Doc, { doc: current, base }: Current): { doc: Doc; clashes: Clash[]; merged: string[] } {
  if (base) {
    const { doc, clashes } = rebase(base, losing, current);
    const mine = diff(current, doc).map(({ path }) => path);
    return {
      doc,
      clashes,
      merged: mine.filter((path) => !SET.has(path) && !clashes.some((clash) => path.startsWith(clash.path))),
    };
  }
  const paths = diff(current, losing)
    .filter(({ path, new: next }) => !SET.has(path) && (next !== undefined || !READ_ONLY.has(path)))
    .map(({ path }) => path);
  return { doc: current, clashes: paths.map((path) => ({ path, base: undefined, theirs: valueAt(current, path) })), merged: [] };
}

/** Of what was to be stored these are missing, because the datastore gives them. */
const READ_ONLY = new Set(["/version", "/size", "/sha256", "/ownerId"]);

/** The document was deleted meanwhile. */
function Again({ copy, again }: { copy: ConflictCopy; again: () => unknown }) {
  const make = async () => {
    const { body } = await ask<WrittenReply>("POST", `/api/conflicts/${part(copy.id)}/resolve`, { body: { doc: copy.losing } });
    toastSaved(body.revision, "Made again");
    await again();
  };
  return (
    <>
      <p>It was deleted by somebody else.</p>
      {isWhole(copy.losing) && (
        <div class="actions">
          <Button onClick={make}>Make it again, as it was to be</Button>
        </div>
      )}
    </>
  );
}

/** A deletion, or a merge patch. */
function Other({ copy, again }: { copy: ConflictCopy; again: () => unknown }) {
  const path = pathOf(copy.collection, copy.docId);
  const deletes = copy.losing === null;
  const doIt = async () => {
    const { body } = deletes
      ? await ask<WrittenReply>("DELETE", path)
      : await ask<WrittenReply>("PATCH", path, { body: (copy.losing as { patch: unknown }).patch });
    await ask("DELETE", `/api/conflicts/${part(copy.id)}`);
    toastSaved(body.revision, deletes ? "Deleted" : "Changed");
    await again();
  };
  return (
    <>
      <p>{deletes ? "It was to be deleted, and somebody else had changed it." : "Of it was to be changed:"}</p>
      {!deletes && <pre>{JSON.stringify((copy.losing as { patch?: unknown })?.patch, undefined, 2)}</pre>}
      <div class="actions">
        <Button onClick={doIt}>{deletes ? "Delete it now" : "Change it now"}</Button>
      </div>
    </>
  );
}

const isWhole = (losing: unknown): losing is Doc => isObject(losing) && losing.patch === undefined;
const authorOf = ({ lastModifiedBy }: Doc) => (typeof lastModifiedBy === "number" ? lastModifiedBy : undefined);
