/** What the rules of a collection are: what a schema can't say. Each collection that has some is one file in functions/rules/, with its rules as
 *  the default export, or a function that makes them of the settings. */
import type { Doc } from "../../schemas/document.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { WriteReply } from "../../schemas/types.ts";
import type { Edit } from "../commit/decide.ts";
import type { Context } from "../host/define.ts";
import type { Scope, View } from "../store/views.ts";

/** A change that a rule is asked about: `before` undefined: the document is new; `next` undefined: it is deleted. */
export interface Change {
  readonly id: string;
  readonly before: Doc | undefined;
  readonly next: Doc | undefined;
  /** uid; 0 is the system. */
  readonly by: number;
  /** ms since 1970. */
  readonly now: number;
  /** A restore makes the document what a backup has, together with all others. */
  readonly exact?: boolean;
}

export interface Rules {
  /** The file's name. */
  readonly collection: string;
  /** Further collections that the check looks at: what they hold when it runs, without a guard. */
  readonly looksAt?: readonly string[];
  /** What is to be stored; throws what the change is refused with. `all`: the collection's documents, and it is made sure that nothing was stored
   *  among them meanwhile; `others`: those that `looksAt` names. */
  check?(change: Change, all: View, others: Readonly<Record<string, View>>): Doc | undefined;
  /** The same for a version that comes back from a backup or a webserver, in the place of `check`. */
  bringBack?(change: Change, all: View): Doc | undefined;
  /** Of a collection that allocates the second of two key fields: where a new document of an owner goes, and what is looked at for that. Without
   *  it: the number after the highest of the collection. */
  slots?: {
    scope(doc: Doc, schema: CollectionSchema): Scope;
    choose(doc: Doc, held: View, schema: CollectionSchema): number;
    /** Whether what is in its place stays: the new one comes so late that it would be out again. */
    stays?(doc: Doc, before: Doc): boolean;
  };
  /** Before a deletion that nothing speaks against, again when it is retried: what else has to happen. `afterwards` is called when the tombstone is
   *  stored; what it returns is told in the reply. */
  beforeDelete?(edit: Edit, deadline: number, context: Context): Promise<{ afterwards(): Promise<Partial<WriteReply>> }>;
}

/** What a deployment may set. */
export interface RuleSettings {
  /** How many entries a user's search history keeps. */
  readonly maxSearchHistory: number;
}

export function defineRules(rules: Rules): Rules {
  return rules;
}
