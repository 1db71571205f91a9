/** The way of one write: what is known of the document → the rules → a conditional write; when the store says that something else is
 *  there, the truth is read and the rules decide again. */
import { clock } from "../../bus/platform/clock.ts";
import { KeyedQueue } from "../../bus/platform/keyed-queue.ts";
import { randomId } from "../../bus/platform/random.ts";
import { bodyHash } from "../../bus/wire/envelope.ts";
import { readSubject } from "../../bus/wire/stream.ts";
import { storeSubject, storeSubjects } from "../../bus/wire/subjects.ts";
import { type Doc, encodeBody } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { RestoredVersion, WriteReply } from "../../schemas/types.ts";
import { actingBy, lookingTwice } from "../accounts/users.ts";
import type { Rules } from "../rules/define.ts";
import type { Seeding } from "../seed/seeding.ts";
import type { Restoring } from "../store/restoring.ts";
import { type Scope, type View, type Views, wholeCollection } from "../store/views.ts";
import { type BroughtBack, bringBack } from "./bring-back.ts";
import type { ConflictCopies, Store } from "./conflict-copies.ts";
import { type Acting, type Asked, type Current, type Decision, decide, type Edit } from "./decide.ts";
import type { GroupCommit } from "./group-commit.ts";
import { madeBefore, placed, scopeOf } from "./placement.ts";
import { Storing, type StoringParts } from "./storing.ts";

type Decided = Exclude<Decision, { kind: "needs-body" }>;

/** `stays`: the revision of what is in its place, and stays there. */
interface DecidedOn {
  edit: Edit;
  subject: string;
  decision: Decided;
  revision: number;
  stays: number | undefined;
}

export interface CommitterParts extends StoringParts {
  views: Views;
  rules: ReadonlyMap<string, Rules>;
  copies: ConflictCopies;
  restoring: Restoring;
  seeding: Seeding;
}

/** `exact`: it becomes what is given, also where a later version is there. */
export interface RestoreHow {
  dryRun: boolean;
  withoutSecrets: boolean;
  exact?: boolean;
}

export class Committer {
  readonly #parts: CommitterParts;
  readonly #queue = new KeyedQueue();
  readonly #storing: Storing;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#storing = new Storing(parts);
  }

  get group(): GroupCommit {
    return this.#storing.group;
  }

  /** Stores an edit once. `deadline`: ms since 1970; after it, TIMEOUT: the write may still be stored. Throws RESTORING during a restore. */
  async commit(schema: CollectionSchema, edit: Asked, deadline: number): Promise<WriteReply> {
    await this.#parts.epochs.ready();
    await this.#parts.restoring.check();
    // The first user is made whatever comes.
    if (edit.at === undefined) await this.#parts.seeding.checkOpen(schema);
    const store: Store = (of, copy) => this.commit(of, copy, deadline);
    return await this.#parts.copies.refusing(schema, edit, store, () => this.#commit(schema, edit, deadline, store));
  }

  /** Stores a version that comes back, when it is later than what is there, or `exact`. `dryRun`: only says what would become of it. */
  async bringBack(
    schema: CollectionSchema,
    given: RestoredVersion,
    { dryRun, withoutSecrets, exact = false, deadline }: RestoreHow & { deadline: number },
  ): Promise<BroughtBack> {
    const { epochs, rules, views, connection } = this.#parts;
    await epochs.ready();
    const { collection } = schema;
    const subject = storeSubject(collection, given.id);
    const rule = rules.get(collection)?.bringBack;
    if (rule && !exact) {
      // Most are there already: for these nobody has to look at the whole collection.
      const alone = bringBack(schema, given, await readSubject(connection, subject), { withoutSecrets });
      if (!alone.write) return alone;
    }
    const scope = rule && wholeCollection(collection);
    return await this.#queue.run(scope?.key ?? subject, async () => {
      for (let attempt = 0; ; attempt++) {
        if (attempt > 2) views.forget();
        const view = scope && (await views.of(scope, { certain: true }));
        const current = view ? view.held.get(subject) : await readSubject(connection, subject);
        const now = clock.now();
        const check = (before: Doc | undefined, next: Doc | undefined) =>
          rule && view ? rule({ id: given.id, before, next, by: given.by, now, exact }, view) : next;
        const version = `restore:${randomId()}`;
        const how = { withoutSecrets, rule: check, ...(exact && { exact: { version, now } }) };
        const judged = bringBack(schema, given, current, how);
        if (!judged.write || dryRun) return judged;
        if (clock.now() > deadline) throw late(given.id);
        const guard = view && { subjects: storeSubjects(collection), revision: view.revision };
        const edit = { id: given.id, mutation: judged.write.envelope.version };
        const outcome = await this.#storing.store(schema, edit, subject, judged.write, guard);
        if (outcome === "conflict") continue;
        if (scope && view) views.stored(scope, view, outcome);
        return judged;
      }
    });
  }

  /** Changes a document and leaves it the version that it is: whoever merges versions does not see it. `change`: undefined leaves it alone. */
  async amend(schema: CollectionSchema, id: string, change: (doc: Doc) => Doc | undefined, deadline: number): Promise<void> {
    const { epochs, views } = this.#parts;
    await epochs.ready();
    const { collection } = schema;
    const [scope, subject] = [wholeCollection(collection), storeSubject(collection, id)];
    await this.#queue.run(scope.key, async () => {
      for (let attempt = 0; ; attempt++) {
        if (attempt > 2) views.forget();
        const view = await views.of(scope, { certain: attempt > 0 });
        const { doc, envelope, revision = 0 } = view.held.get(subject) ?? {};
        const changed = doc && envelope && change(doc);
        if (!changed) return;
        if (clock.now() > deadline) throw late(id);
        const { signature: _old, id: _hashed, ...same } = envelope;
        const body = encodeBody(schema, changed);
        const write = {
          kind: "write" as const,
          expected: revision,
          deleted: false,
          body,
          envelope: { ...same, sha256: bodyHash(body) },
        };
        const guard = { subjects: storeSubjects(collection), revision: view.revision };
        const outcome = await this.#storing.store(schema, { id, mutation: `amend:${randomId()}` }, subject, write, guard);
        if (outcome === "conflict") continue;
        return views.stored(scope, view, outcome);
      }
    });
  }

  #commit(schema: CollectionSchema, edit: Asked, deadline: number, store: Store): Promise<WriteReply> {
    const scope = scopeOf(schema, this.#parts.rules.get(schema.collection), edit);
    // Edits of one document, or on one view, follow each other here: side by side they would only refuse one another in the store.
    if (scope) return this.#queue.run(scope.key, () => this.#together(schema, scope, edit, deadline));
    const alone = edit as Edit;
    const subject = storeSubject(schema.collection, alone.id);
    return this.#queue.run(subject, () => this.#alone(schema, alone, subject, deadline, store));
  }

  /** Whether an edit of a document would store anything now: false when that was done before. Throws what it would be refused with. */
  async foresee(schema: CollectionSchema, edit: Edit): Promise<boolean> {
    const { epochs, views, rules } = this.#parts;
    await epochs.ready();
    const own = rules.get(schema.collection);
    if (own?.check) {
      const view = await views.of(wholeCollection(schema.collection), { certain: true });
      return (await this.#decideOn(schema, own, edit, view, true)).decision.kind === "write";
    }
    const actor = await actingBy(views, edit.by, { certain: true });
    const decision = await this.#informed(schema, edit, storeSubject(schema.collection, edit.id), actor);
    return decision.kind === "write";
  }

  /** Decides on a view of several documents. The store refuses when the view is an old one; and what an old view refuses is asked of a new one. */
  async #together(schema: CollectionSchema, scope: Scope, edit: Asked, deadline: number): Promise<WriteReply> {
    const { views, rules } = this.#parts;
    const own = rules.get(schema.collection);
    for (let attempt = 0; ; attempt++) {
      const certain = attempt > 0;
      // Refused again and again: the last revision that the view knows may have been purged.
      if (attempt > 2) views.forget();
      const view = await views.of(scope, { certain });
      const made = edit.id === undefined ? madeBefore(view, edit) : undefined;
      if (made) return made;
      let decided: DecidedOn;
      try {
        decided = await this.#decideOn(schema, own, edit, view, certain);
      } catch (error) {
        if (!certain && error instanceof FrontsyncError) continue;
        throw error;
      }
      const { id } = decided.edit;
      if (decided.stays !== undefined) {
        if (!certain) continue;
        return { id, revision: decided.stays };
      }
      if (decided.decision.kind === "seen") return { id, revision: decided.decision.revision };
      if (clock.now() > deadline) throw late(id);
      const guard = scope.subjects ? undefined : { subjects: storeSubjects(scope.collection), revision: decided.revision };
      const outcome = await this.#storing.store(schema, decided.edit, decided.subject, decided.decision, guard);
      if (outcome === "conflict") continue;
      views.stored(scope, view, outcome);
      return { id, revision: outcome.revision };
    }
  }

  async #decideOn(
    schema: CollectionSchema,
    rules: Rules | undefined,
    asked: Asked,
    view: View,
    certain: boolean,
  ): Promise<DecidedOn> {
    const { views } = this.#parts;
    const others: Record<string, View> = {};
    for (const name of rules?.looksAt ?? []) others[name] = await views.of(wholeCollection(name), { certain });
    const actor = await actingBy(views, asked.by, { certain });
    const isGiven = asked.id === undefined && schema.allocates !== undefined && !rules?.slots;
    const least = isGiven ? await this.#parts.seeding.next(schema) : 0;
    // From here to the end nothing is awaited: others bring the view up to date, and what is decided must be of one revision.
    const edit = placed(schema, rules, asked, view, least);
    const subject = storeSubject(schema.collection, edit.id);
    const now = clock.now();
    const check = rules?.check;
    const rule =
      check &&
      ((before: Doc | undefined, next: Doc | undefined) => check({ id: edit.id, before, next, by: edit.by, now }, view, others));
    const decision = decide(schema, edit, view.held.get(subject), edit.at ?? now, { actor, rule });
    const there = edit.origin === undefined ? undefined : view.held.get(subject);
    const stays =
      there?.doc && edit.what.op === "put" && rules?.slots?.stays?.(edit.what.doc, there.doc) ? there.revision : undefined;
    return { edit, subject, decision: withBody(decision), revision: view.revision, stays };
  }

  #alone(schema: CollectionSchema, edit: Edit, subject: string, deadline: number, store: Store): Promise<WriteReply> {
    if (edit.by === 0) return this.#aloneBy(undefined, schema, edit, subject, deadline, store);
    return lookingTwice(async (certain) => {
      const actor = await actingBy(this.#parts.views, edit.by, { certain });
      return await this.#aloneBy(actor, schema, edit, subject, deadline, store);
    });
  }

  async #aloneBy(
    actor: Acting,
    schema: CollectionSchema,
    edit: Edit,
    subject: string,
    deadline: number,
    store: Store,
  ): Promise<WriteReply> {
    const { id } = edit;
    let decision = this.#firstGuess(schema, edit, subject, actor) ?? (await this.#informed(schema, edit, subject, actor));
    for (;;) {
      if (decision.kind === "seen") return { id, revision: decision.revision };
      if (clock.now() > deadline) throw late(id);
      const write = (what: typeof decision & { kind: "write" }) => this.#storing.store(schema, edit, subject, what);
      const outcome = await (decision.overwrites
        ? this.#parts.copies.overwriting(schema, edit, store, decision, write)
        : write(decision));
      if (outcome !== "conflict") return { id, revision: outcome.revision };
      decision = await this.#informed(schema, edit, subject, actor);
    }
  }

  /** Decides on what the follower knows, or, where it knows nothing, on there being nothing. Right nearly always, and when it is not
   *  the store refuses the write; but it may not refuse the caller. */
  #firstGuess(schema: CollectionSchema, edit: Edit, subject: string, actor: Acting): Decided | undefined {
    const hint = this.#parts.follower.hint(subject);
    if (!hint && edit.what.op !== "put") return undefined;
    try {
      const decision = decide(schema, edit, hint && { ...hint, body: undefined }, clock.now(), { actor });
      return decision.kind === "needs-body" ? undefined : decision;
    } catch (error) {
      // What is wrong with the document itself needs no second look.
      if (error instanceof FrontsyncError && ["SCHEMA_INVALID", "TOO_LARGE", "BAD_ID"].includes(error.code)) throw error;
      return undefined;
    }
  }

  async #informed(schema: CollectionSchema, edit: Edit, subject: string, actor: Acting): Promise<Decided> {
    const current: Current | undefined = await readSubject(this.#parts.connection, subject);
    return withBody(decide(schema, edit, current, edit.at ?? clock.now(), { actor }));
  }
}

function withBody(decision: Decision): Decided {
  if (decision.kind === "needs-body") throw new FrontsyncError("INTERNAL", "A rule asks for a body that it was given.");
  return decision;
}

function late(id: string): FrontsyncError {
  return new FrontsyncError("TIMEOUT", `'${id.slice(0, 80)}' was not stored in time.`);
}
