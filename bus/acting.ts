/** A user who acts through a bus, and the check of their writes before they are sent. The datastore checks again: this replica may be behind. */
import { type Actor, actorOf, checkWrite, withOwner } from "../schemas/access.ts";
import { type Doc, mergePatch, withoutReadOnly } from "../schemas/document.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import type { User } from "../schemas/types.ts";
import type { Written } from "./api.ts";
import type { Shown, WriteBody } from "./outbox/request.ts";
import type { KeyedQueue } from "./platform/keyed-queue.ts";
import { seeError } from "./sight.ts";

export class ActingUser {
  readonly uid: number;
  readonly #held: (collection: string, id: string) => Promise<Shown>;
  readonly #turns: KeyedQueue;

  /** `held`: the document as this webserver has it. `turns`: one for the whole bus, whoever acts. */
  constructor(uid: number, held: (collection: string, id: string) => Promise<Shown>, turns: KeyedQueue) {
    this.uid = uid;
    this.#held = held;
    this.#turns = turns;
  }

  /** With the rights that the user has now. Throws NOT_ALLOWED. */
  async actor(): Promise<Actor> {
    const user = Number.isSafeInteger(this.uid) ? (await this.#held("users", String(this.uid))).doc : undefined;
    return actorOf(this.uid, user as User | undefined);
  }

  /** Checks a write and hands it to `send`. The writes of a document keep their order; `id` undefined: a new one, whose id the datastore
   *  gives. Throws what checkWrite throws. */
  async write(
    schema: CollectionSchema,
    id: string | undefined,
    body: WriteBody,
    send: (body: WriteBody) => Promise<Written>,
    ifRevision?: number,
  ): Promise<Written> {
    const turn = async () => {
      const actor = await this.actor();
      const before = id === undefined ? undefined : await this.#held(schema.collection, id);
      const isStale = ifRevision !== undefined && before !== undefined && ifRevision < before.revision;
      // Not awaited: what is sent has its place in the order already.
      return { actor, sent: send(permitted(schema, actor, before?.doc, body, isStale)) };
    };
    const { actor, sent } = await (id === undefined ? turn() : this.#turns.run(`${schema.collection}/${id}`, turn));
    return await sent.catch((error: unknown) => {
      throw seeError(schema, actor, error);
    });
  }
}

/** The write as it is sent. Throws what checkWrite throws. */
function permitted(
  schema: CollectionSchema,
  actor: Actor,
  before: Doc | undefined,
  body: WriteBody,
  isStale: boolean,
): WriteBody {
  if (body.op === "put") {
    const doc = withOwner(schema, actor.uid, before, body.doc);
    // What it was made of has changed, and so it will be refused: that is what its caller is to hear, not that the change is theirs.
    checkWrite(schema, actor, before, isStale && before ? before : doc);
    return doc === body.doc ? body : { op: "put", doc };
  }
  // What is not here may be there: the datastore knows.
  if (before) checkWrite(schema, actor, before, body.op === "patch" ? patched(schema, before, body.merge) : undefined);
  return body;
}

function patched(schema: CollectionSchema, before: Doc, merge: Doc): Doc {
  return withoutReadOnly(schema, mergePatch(withoutReadOnly(schema, before), merge) as Doc);
}
