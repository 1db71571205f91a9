/** What breaks an invariant. */
export interface Violation {
  /** 1 to 11, as in the design. */
  invariant: number;
  what: string;
  /** The document that shows it. */
  document?: { collection: string; id: string };
}

export function violation(invariant: number, what: string, collection?: string, id?: string): Violation {
  return { invariant, what, ...(collection !== undefined && id !== undefined && { document: { collection, id } }) };
}
